/**
 * Edits answers of the engine that mention a label of ours. Those that do not mention it pass unread,
 * which is nearly all of them for whoever has no such container.
 */
import { ReplyError } from "../docker/error_reply.ts";
import { encodeEdited, type Json, parseJson } from "../docker/json_body.ts";
import {
  bodyOfPieces,
  type BodyPiece,
  collectPieces,
  payloadOf,
  type ResponseMessage,
  withResponseBody,
} from "../http/message.ts";
import { HttpParseError } from "../http/parse_error.ts";
import { mapLines } from "./body_lines.ts";

/** Bytes of one answer; a list of ten thousand containers has about 20 MiB. */
const MAX_VIEW_BYTES = 64 * 1024 * 1024;

/** When an answer is edited. */
export interface LabelEdit {
  readonly label: string;
  /** Also without the label. Default: false. */
  readonly always?: boolean;
}

const encoder = new TextEncoder();

/** A successful answer after `edit`. */
export async function editedAnswer(
  response: ResponseMessage,
  edit: (value: Json) => Json,
  { label, always = false }: LabelEdit,
): Promise<ResponseMessage> {
  if (response.head.status !== 200 || response.framing.kind === "none") return response;
  const pieces = await collectView(response);
  const bytes = payloadOf(pieces);
  if (!always && !includes(bytes, encoder.encode(label))) {
    return { ...response, body: bodyOfPieces(pieces) };
  }
  return withResponseBody(response, encodeEdited(edit(parseJson(bytes)), bytes));
}

async function collectView(response: ResponseMessage): Promise<BodyPiece[]> {
  try {
    return await collectPieces(response.body, MAX_VIEW_BYTES);
  } catch (cause) {
    if (!(cause instanceof HttpParseError)) throw cause;
    throw new ReplyError(502, `The engine's answer cannot be shown: ${cause.message}`, { cause });
  }
}

/** How a stream of events is edited. */
export interface EventsEdit extends LabelEdit {
  /** Events with the label that are left out. Default: none. */
  readonly hides?: (event: Json) => boolean;
}

/** A stream of events in which `edit` changes those with the label, line by line. */
export async function editedEvents(
  response: ResponseMessage,
  edit: (event: Json) => void,
  { label, hides }: EventsEdit,
): Promise<ResponseMessage> {
  const { head, framing } = response;
  if (head.status !== 200) return response;
  const wanted = encoder.encode(label);
  const body = mapLines(response.body, framing, (line) => {
    if (!includes(line, wanted)) return line;
    const event = parseJson(line);
    if (hides?.(event) === true) return new Uint8Array(0);
    edit(event);
    return encodeEdited(event, line);
  });
  // A stream that knows its end is no stream: its length changes with its lines.
  if (framing.kind !== "length") return { ...response, body };
  return withResponseBody(response, payloadOf(await collectView({ ...response, body })));
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  const first = part[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (part.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
