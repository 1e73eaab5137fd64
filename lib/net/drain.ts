/** Waiting for room in a stream that reports it by events. */

/** What is used of a Node stream, or of what stands for one. */
export interface Draining {
  /** Whether it has asked its writers to wait for `drain`. */
  readonly writableNeedDrain: boolean;
  on(event: "drain" | "close", listener: () => void): unknown;
  off(event: "drain" | "close", listener: () => void): unknown;
}

/** Settles, never rejecting, when `stream` has room or is closed; `undefined` if it has room now. */
export function drained(stream: Draining): Promise<void> | undefined {
  if (!stream.writableNeedDrain) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}
