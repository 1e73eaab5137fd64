/**
 * A Duplex that first yields bytes which somebody read too early (sniffed, or over-read by a parser
 * at the end of its protocol), then goes on with the stream itself. Sniffed bytes travel with the
 * connection; the wrapper owns the stream.
 */
import type { Duplex } from "./duplex.ts";

/**
 * `prefix` yields pieces until `null`; after that `duplex` is read directly. Empty pieces are
 * skipped.
 */
export function prefixed(duplex: Duplex, prefix: () => Promise<Uint8Array | null>): Duplex {
  let inPrefix = true;
  return {
    // What was read too early may be a part of something.
    get readsSole() {
      return !inPrefix && duplex.readsSole === true;
    },
    get givesBack() {
      return duplex.givesBack === true;
    },
    async read() {
      while (inPrefix) {
        const chunk = await prefix();
        if (chunk === null) inPrefix = false;
        else if (chunk.length > 0) return chunk;
      }
      return await duplex.read();
    },
    write: (chunk) => duplex.write(chunk),
    closeWrite: () => duplex.closeWrite(),
    close: () => duplex.close(),
    closed: duplex.closed,
  };
}
