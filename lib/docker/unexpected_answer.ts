/** What to say where the engine answers a question of ours with an error. */
import { AgentError } from "../errors.ts";
import type { EngineAnswer } from "./engine_client.ts";
import { isObject } from "./json_body.ts";

/** The engine's own words, which its clients know; else what was `asked`, and the status. */
export function unexpectedAnswer(asked: string, { status, body }: EngineAnswer): AgentError {
  const message = isObject(body) ? body["message"] : undefined;
  const said = status >= 400 && typeof message === "string" && message !== "";
  return new AgentError("engine", said ? message : `The engine answered ${asked} with ${status}`);
}
