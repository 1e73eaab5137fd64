/** Small helpers to talk over a Duplex in tests. */
import type { Duplex } from "../../lib/net/duplex.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** Text as bytes. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes as text, one character a byte. */
export function text(chunk: Uint8Array | null): string {
  return chunk === null ? "" : decoder.decode(chunk);
}

/** Writes text. */
export function say(duplex: Duplex, message: string): Promise<void> {
  return duplex.write(bytes(message));
}

/** Everything up to EOF, as text. */
export async function readAll(duplex: Duplex): Promise<string> {
  let all = "";
  for (;;) {
    const chunk = await duplex.read();
    if (chunk === null) return all;
    all += text(chunk);
  }
}

/** Reads until what came contains `end`; fails at EOF. */
export async function readUntil(duplex: Duplex, end: string): Promise<string> {
  let all = "";
  while (!all.includes(end)) {
    const chunk = await duplex.read();
    if (chunk === null) throw new Error(`The stream ended before ${JSON.stringify(end)}: ${all}`);
    all += text(chunk);
  }
  return all;
}
