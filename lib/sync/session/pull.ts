/** Data that is pulled piece by piece: each call gives the next bytes, `null` at the end. */

/** A text, once. */
export function onceText(text: string): () => Promise<Uint8Array | null> {
  let rest: Uint8Array | null = new TextEncoder().encode(text);
  return () => {
    const now = rest;
    rest = null;
    return Promise.resolve(now);
  };
}

/** The same data; `count` is told of each piece. */
export function counted(
  data: () => Promise<Uint8Array | null>,
  count: (bytes: number) => void,
): () => Promise<Uint8Array | null> {
  return async () => {
    const chunk = await data();
    if (chunk !== null) count(chunk.length);
    return chunk;
  };
}
