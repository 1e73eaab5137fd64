/** The end of a client's direction while its request is being answered. */
import type { FramedStream } from "../http/framed_stream.ts";
import type { RequestHead } from "../http/head.ts";
import type { Upload, Upstream } from "./upstream.ts";

/**
 * Ends the request at `upstream` when the client ends its direction once all of it is sent: until the
 * answer is complete, that is for the other side to know. `isCurrent` tells whether `upstream` still
 * answers this request. Rejects when the client is gone, or with a parse error of what it sends next.
 */
export async function passOnEnd(
  client: FramedStream<RequestHead>,
  { upstream, upload, isCurrent }: {
    readonly upstream: Upstream;
    readonly upload: Promise<Upload>;
    readonly isCurrent: () => boolean;
  },
): Promise<void> {
  if ((await upload).kind !== "complete") return;
  const isEnd = await client.ahead() === null;
  if (isEnd && isCurrent()) upstream.endRequest();
}
