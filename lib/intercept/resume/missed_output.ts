/**
 * The end of `docker run` whose output was cut off: the command may have ended well, but what came of
 * its output is not all of it, and a status of 0 would say so. The engine's own way to say that there is
 * more to an exit is the `Error` of the answer to `wait` (Engine API, "ContainerWait"); the CLI shows it
 * and exits with 125.
 */
import { encodeJson, isObject, type Json, parseJson } from "../../docker/json_body.ts";
import { concat } from "../../system/bytes.ts";
import type { BodyFraming } from "../../http/body_framing.ts";
import type { Body } from "../../http/message.ts";
import { mapPayload, type PayloadEdit } from "../body_lines.ts";
import { UNCHANGED } from "./follow.ts";

/** What `docker run` and `docker start -a` wait for; others who wait may not care for the output. */
const CONDITIONS = new Set(["next-exit", "removed"]);
const MAX_ANSWER_BYTES = 1024 * 1024;
const NEWLINE = new Uint8Array([0x0a]);
const MESSAGE =
  "the stream with the output of the container was cut off, and not all of it has come; " +
  "the container itself ended with status 0";

/** What is known of the streams of those who have attached. */
export interface Output {
  /** Settles when it is known how they have ended, or it takes too long. */
  whenHeard(): Promise<void>;
  isCut(): boolean;
}

/** The answer to a wait, which comes after the output and tells whether that is all of it. */
export function withOutput(
  body: Body,
  framing: BodyFraming,
  condition: string,
  output: Output,
): Body {
  if (!CONDITIONS.has(condition)) return mapPayload(body, framing, UNCHANGED);
  let hearing: Promise<void> | undefined;
  const heard: Body = {
    async read() {
      const piece = await body.read();
      await (hearing ??= output.whenHeard());
      return piece;
    },
  };
  return mapPayload(
    heard,
    framing,
    collected((answer) => output.isCut() ? withError(answer) : answer),
  );
}

function collected(edit: (answer: Uint8Array) => Uint8Array): PayloadEdit {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  return {
    push(data) {
      bytes += data.length;
      if (bytes > MAX_ANSWER_BYTES) throw new Error("The engine's answer to a wait is too long");
      pieces.push(data.slice());
      return [];
    },
    rest: () => [edit(concat(pieces))],
  };
}

function withError(answer: Uint8Array): Uint8Array {
  const result = parsed(answer);
  if (!isObject(result) || result["StatusCode"] !== 0 || result["Error"]) return answer;
  return concat([encodeJson({ ...result, Error: { Message: MESSAGE } }), NEWLINE]);
}

/** Nothing where it is not what it should be, which is for the client to tell. */
function parsed(answer: Uint8Array): Json | undefined {
  try {
    return parseJson(answer);
  } catch {
    return undefined;
  }
}
