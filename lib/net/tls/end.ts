/**
 * Keeps the end of a TLS stream from being lost. Deno's `node:tls` drops the peer's `close_notify` when
 * it comes in one piece with data that fills the buffer: the stream stops its handle from within the
 * delivery of that data, and the end that is delivered next finds nobody. (Seen with Deno 2.9.6; the
 * same program on Node gets the end.) So the handle is stopped only after the delivery.
 */
import { TLSSocket } from "node:tls";
import type { Duplex as NodeDuplex } from "node:stream";

/** Beyond this a stream is stopped at once, and its end is risked rather than memory. */
const MAX_BUFFERED_BYTES = 64 * 1024 * 1024;

/** What `net.Socket` calls to stop reading, in Deno as in Node. */
interface ReadingHandle {
  reading: boolean;
  readStop(): unknown;
}

/** To be called before anything is read; does nothing to streams other than TLS. */
export function keepTlsEnd(stream: NodeDuplex): void {
  if (!(stream instanceof TLSSocket)) return;
  const push = stream.push.bind(stream);
  let stopping = false;
  const stopIfFull = () => {
    stopping = false;
    const handle = handleOf(stream);
    const full = stream.readableLength >= stream.readableHighWaterMark;
    if (handle === undefined || !handle.reading || !full) return;
    handle.reading = false;
    handle.readStop();
  };
  stream.push = (chunk: unknown, encoding?: BufferEncoding): boolean => {
    const wantsMore = push(chunk, encoding);
    if (wantsMore || chunk === null || stream.readableLength > MAX_BUFFERED_BYTES) return wantsMore;
    if (!stopping) queueMicrotask(stopIfFull);
    stopping = true;
    return true;
  };
}

function handleOf(stream: TLSSocket): ReadingHandle | undefined {
  const { _handle: handle } = stream as TLSSocket & { _handle?: Partial<ReadingHandle> | null };
  if (typeof handle?.readStop !== "function") return undefined;
  return handle as ReadingHandle;
}
