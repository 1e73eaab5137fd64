/**
 * What a user reads who sits in front of a stream (attach, exec) that was lost with the connection to
 * the remote host: such a stream cannot be gone on with, and without a word it looks like the end of
 * the command.
 */
import type { RouteName } from "../docker/route.ts";
import { isLostError } from "../errors.ts";
import { stderrFrame } from "../intercept/resume/frames.ts";
import type { Duplex } from "../net/duplex.ts";
import { FormTracker, type StreamForm } from "./stream_form.ts";

const WORDS = "remote-docker-agent: the connection to the remote host was lost, and with it this " +
  "stream; what runs there goes on";
const FRAME = stderrFrame(`${WORDS}\n`);
/**
 * Nothing where the words could be taken for bytes of the stream. Before the first byte they come in a
 * frame: whoever expects none has a terminal, which passes over the bytes of a header.
 */
const WORDS_AS: Readonly<Record<StreamForm, Uint8Array | null>> = {
  frames: FRAME,
  silent: FRAME,
  text: new TextEncoder().encode(`\r\n${WORDS}\r\n`),
  unknown: null,
};

/** Whether what comes on a stream is for somebody to read: BuildKit's are HTTP/2, and others WebSockets. */
export function isForReaders(route: RouteName | undefined): boolean {
  return route === "ContainerAttach" || route === "ExecStart";
}

/** The same stream of the engine, which says a last word if the connection beneath is lost. */
export function withLastWords(engine: Duplex, announced: StreamForm): Duplex {
  const tracker = new FormTracker(announced);
  let said = false;
  return {
    closed: engine.closed,
    async read() {
      if (said) return null;
      try {
        const chunk = await engine.read();
        if (chunk !== null) tracker.push(chunk);
        return chunk;
      } catch (error) {
        if (!isLostError(error)) throw error;
      }
      said = true;
      return WORDS_AS[tracker.form];
    },
    write: (chunk) => engine.write(chunk),
    closeWrite: () => engine.closeWrite(),
    close: () => engine.close(),
  };
}
