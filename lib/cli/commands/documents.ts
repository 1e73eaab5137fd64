/** `completions` and `man`: texts that are made from the tables, for shells and for `man`. */
import metadata from "../../../deno.json" with { type: "json" };
import { AgentError } from "../../errors.ts";
import { renderCompletion } from "../completion/completion.ts";
import { renderManual } from "../manual.ts";
import type { RunCommand } from "./command.ts";

const PROGRAM = "remote-docker-agent";

/** Prints the script of a shell. */
export const runCompletions: RunCommand = ({ invocation: { operand = "" }, system }) => {
  const script = renderCompletion(operand, PROGRAM);
  if (script === undefined) throw new AgentError("usage", `Unknown shell "${operand}"`);
  system.out(script);
  return Promise.resolve(0);
};

/** Prints the manual page. */
export const runManual: RunCommand = ({ system }) => {
  system.out(renderManual(PROGRAM, metadata.version));
  return Promise.resolve(0);
};
