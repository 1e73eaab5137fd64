/**
 * Memory given back by hand. V8 marks its whole heap each time 64 MB of buffers have been made, however
 * many of them are garbage; at the speed of a bulk transfer that was half of the program's work. So a
 * relay gives the memory of a large piece back as soon as it has been written.
 */
import type { Duplex } from "./duplex.ts";

/** Smaller pieces are left to the garbage collector; some of them share their memory. */
export const LARGE_PIECE = 16 * 1024;

/** Whether `piece`, which has just been read from `from`, may be given to {@link discard}. */
export function isSole(piece: Uint8Array | null, from: Duplex): boolean {
  return piece !== null && piece.length >= LARGE_PIECE && from.readsSole === true;
}

/** Frees the memory beneath `piece`, to which there must be no other view that is still of use. */
export function discard({ buffer }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && !buffer.detached) buffer.transfer(0);
}
