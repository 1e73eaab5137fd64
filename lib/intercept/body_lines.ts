/**
 * Edits a body that is a stream while it passes: each line, say, goes on as soon as it is whole.
 */
import type { BodyFraming } from "../http/body_framing.ts";
import { concat } from "../system/bytes.ts";
import type { Body, BodyPiece } from "../http/message.ts";
import { LineSplitter } from "../docker/json_lines.ts";

const encoder = new TextEncoder();
const LAST_CHUNK = encoder.encode("0\r\n\r\n");

/** What becomes of the payload of a body. */
export interface PayloadEdit {
  push(data: Uint8Array): Uint8Array[];
  /** At the end. */
  rest(): Uint8Array[];
}

/** The same body with every line replaced by what `edit` makes of it; framed as before. */
export function mapLines(
  body: Body,
  framing: BodyFraming,
  edit: (line: Uint8Array) => Uint8Array,
): Body {
  const lines = new LineSplitter();
  return mapPayload(body, framing, {
    push: (data) => lines.push(data).map(edit),
    rest: () => [lines.rest()].filter(({ length }) => length > 0).map(edit),
  });
}

/** The same body with another payload; framed as before. */
export function mapPayload(body: Body, framing: BodyFraming, edit: PayloadEdit): Body {
  const chunked = framing.kind === "chunked";
  let ended = false;
  return {
    async read() {
      while (!ended) {
        const piece = await body.read();
        ended = piece === null;
        const edited = concat(
          piece === null ? edit.rest() : piece.data.flatMap((data) => edit.push(data)),
        );
        if (edited.length > 0) return withEnd(pieceOf(edited, framing), ended && chunked);
        if (ended && chunked) return { wire: LAST_CHUNK, data: [] };
      }
      return null;
    },
  };
}

/** A piece of a body of this framing. */
export function pieceOf(data: Uint8Array, { kind }: BodyFraming): BodyPiece {
  return { wire: kind === "chunked" ? chunkOf(data) : data, data: [data] };
}

function withEnd(piece: BodyPiece, last: boolean): BodyPiece {
  return last ? { ...piece, wire: concat([piece.wire, LAST_CHUNK]) } : piece;
}

function chunkOf(data: Uint8Array): Uint8Array {
  return concat([encoder.encode(`${data.length.toString(16)}\r\n`), data, encoder.encode("\r\n")]);
}
