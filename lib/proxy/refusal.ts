/** Why a request is not served, in the words and with the status its client gets. Pure. */
import { ReplyError } from "../docker/error_reply.ts";
import { AgentError, isClosedError, messageOf } from "../errors.ts";
import { HttpParseError } from "../http/parse_error.ts";

/** Why a request is not served: a status and a sentence for its client. */
export interface Refusal {
  status: number;
  message: string;
}

/** What a client is told; nothing when it is gone itself. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof HttpParseError || error instanceof ReplyError) return error;
  if (isClosedError(error)) return undefined;
  if (error instanceof AgentError) return { status: 503, message: messageOf(error) };
  return { status: 500, message: `remote-docker-agent failed: ${messageOf(error)}` };
}
