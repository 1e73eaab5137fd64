/** Pieces of bytes put together. Pure. */

/** The pieces as one array: the only non-empty one itself, otherwise a copy. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const filled = pieces.filter((piece) => piece.length > 0);
  if (filled.length === 1 && filled[0] !== undefined) return filled[0];
  const all = new Uint8Array(filled.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of filled) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
