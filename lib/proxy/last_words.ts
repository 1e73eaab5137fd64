/**
 * What a user reads who sits in front of a stream (attach, exec) that was lost with the connection to
 * the remote host: such a stream cannot be gone on with, and without a word it looks like the end of
 * the command.
 */
import { stderrFrame } from "../intercept/resume/frame_splitter.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Link } from "../transport/link.ts";
import { FormTracker, type StreamForm } from "./stream_form.ts";

/** How soon after its streams a lost connection is known to be lost. */
const SETTLE_MS = 3_000;
const WORDS = "remote-docker-agent: the connection to the remote host was lost, and with it this " +
  "stream; the container goes on";
/** Nothing where the words could be taken for bytes of the stream. */
const WORDS_AS: Readonly<Record<StreamForm, Uint8Array | null>> = {
  frames: stderrFrame(`${WORDS}\n`),
  text: new TextEncoder().encode(`\r\n${WORDS}\r\n`),
  unknown: null,
};

/** The same stream of the engine, which says a last word if `link` is lost under it. */
export function withLastWords(engine: Duplex, link: Link, announced: StreamForm): Duplex {
  const tracker = new FormTracker(announced);
  const connection = link.current();
  let said = false;
  return {
    closed: engine.closed,
    async read() {
      if (said) return null;
      try {
        const chunk = await engine.read();
        // A channel may end in good order a moment before its connection is known to be lost.
        if (chunk !== null) tracker.push(chunk);
        if (chunk !== null || !await link.gone(connection, 0)) return chunk;
      } catch (error) {
        if (!await link.gone(connection, SETTLE_MS)) throw error;
      }
      said = true;
      return WORDS_AS[tracker.form];
    },
    write: (chunk) => engine.write(chunk),
    closeWrite: () => engine.closeWrite(),
    close: () => engine.close(),
  };
}
