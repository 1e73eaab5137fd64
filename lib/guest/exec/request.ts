/** The body of a request for a command, read and checked. Pure. */
import { FrameError, parseSize, type TerminalSize } from "../../transport/guest/exec_frames.ts";
import { refuse } from "../reply.ts";

/** A command as it is asked for. */
export interface ExecRequest {
  readonly command: string;
  readonly args: readonly string[];
  readonly envs: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly tty?: TerminalSize;
  readonly term?: string;
  /** `command` is a script for the user's login shell. */
  readonly shell: boolean;
}

/** Bytes of the JSON text: as much as Linux takes for arguments and environment together. */
export const MAX_REQUEST_BYTES = 2 * 1024 * 1024;
/** Linux refuses a single argument or variable beyond this (`MAX_ARG_STRLEN`). */
const MAX_WORD_BYTES = 128 * 1024;
const MAX_WORDS = 10_000;

/** Throws `ReplyError` 400 that says what is wrong. `framed`: the later members are looked at. */
export function parseExecRequest(bytes: Uint8Array, framed: boolean): ExecRequest {
  const body = readObject(bytes);
  const command = word(body["command"], "command");
  if (command === "") throw bad('"command" is missing');
  const args = words(body["args"], "args");
  const envs = readEnvs(body["envs"]);
  if (!framed) return { command, args, envs, shell: false };
  const shell = body["shell"] === true;
  if (shell && args.length > 0) throw bad('"args" do not go with "shell"');
  return {
    command,
    args,
    envs,
    shell,
    ...(isGiven(body["cwd"]) && { cwd: word(body["cwd"], "cwd") }),
    ...(isGiven(body["term"]) && { term: readTerm(body["term"]) }),
    ...(isGiven(body["tty"]) && { tty: readSize(body["tty"]) }),
  };
}

function readObject(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw refuse(400, "the body is not JSON", cause);
  }
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as Record<string, unknown>;
  }
  throw bad("the body is not an object");
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "";
}

function word(value: unknown, name: string): string {
  if (typeof value !== "string") throw bad(`"${name}" is not a string`);
  if (value.includes("\0")) throw bad(`"${name}" holds a zero byte`);
  if (value.length > MAX_WORD_BYTES) throw bad(`"${name}" is longer than ${MAX_WORD_BYTES}`);
  return value;
}

function words(value: unknown, name: string): string[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw bad(`"${name}" is not a list`);
  if (value.length > MAX_WORDS) throw bad(`"${name}" has more than ${MAX_WORDS} members`);
  return value.map((each) => word(each, name));
}

/** `{"K":"V"}`, or a list of `K=V`. */
function readEnvs(value: unknown): Record<string, string> {
  const pairs: [string, string][] = Array.isArray(value) || value === undefined || value === null
    ? words(value, "envs").map(splitPair)
    : typeof value === "object"
    ? Object.entries(value).map(([name, text]) => [name, word(text, "envs")])
    : [];
  if (pairs.length > MAX_WORDS) throw bad(`"envs" has more than ${MAX_WORDS} members`);
  for (const [name] of pairs) {
    if (!/^[^=\0]+$/.test(name)) throw bad('"envs" has a variable without a name');
  }
  return Object.fromEntries(pairs);
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf("=");
  if (at < 1) throw bad('"envs" holds something other than NAME=VALUE');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function readTerm(value: unknown): string {
  if (typeof value === "string" && /^[A-Za-z0-9._+-]{1,64}$/.test(value)) return value;
  throw bad('"term" is not the name of a terminal');
}

function readSize(value: unknown): TerminalSize {
  try {
    return parseSize(value);
  } catch (error) {
    if (error instanceof FrameError) throw bad('"tty" has "cols" and "rows"');
    throw error;
  }
}

function bad(message: string) {
  return refuse(400, message);
}
