/**
 * Log messages of a container with a terminal, each after its time: they end with a line feed, or,
 * where the engine has cut a line, after 16 KiB. Pure.
 */
import { MAX_STAMP, stampOf } from "./time_stamp.ts";

/** The length at which the engine cuts (moby, `daemon/logger/copier.go`). */
const MESSAGE_BYTES = 16 * 1024;
const LF = 0x0a;

/** Bytes of the first message; 0 while its end is not known. */
export function messageLength(bytes: Uint8Array): number {
  const cut = (stampOf(bytes)?.length ?? 0) + MESSAGE_BYTES;
  const feed = bytes.indexOf(LF);
  if (feed >= 0 && feed < cut) return feed + 1;
  if (bytes.length < cut + MAX_STAMP) return feed + 1;
  // Where no time follows, the log driver does not cut; its line goes on without waiting for the end.
  return stampOf(bytes.subarray(cut)) === undefined && feed >= 0 ? feed + 1 : cut;
}
