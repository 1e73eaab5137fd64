/** The end of a client's direction while its request is being answered. */
import type { FramedStream } from "../http/framed_stream.ts";
import type { RequestHead } from "../http/head.ts";
import type { Upload, Upstream } from "./upstream.ts";

/**
 * Ends the request at `upstream` when the client ends its direction once all of it is sent: until the
 * answer is complete, that is for the other side to know. `isCurrent` tells whether `upstream` still
 * answers this request; `onEnd` is told first. Rejects when the client is gone, or with a parse error of
 * what it sends next.
 */
export async function passOnEnd(
  client: FramedStream<RequestHead>,
  { upstream, upload, isCurrent, onEnd }: {
    readonly upstream: Upstream;
    readonly upload: Promise<Upload>;
    readonly isCurrent: () => boolean;
    readonly onEnd?: () => void;
  },
): Promise<void> {
  if ((await upload).kind !== "complete") return;
  if (await client.ahead() !== null) return;
  onEnd?.();
  if (isCurrent()) upstream.endRequest();
}
