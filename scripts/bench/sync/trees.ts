/** Trees of files to be synced: as many files and bytes as asked for, none of which compresses. */
import { join } from "node:path";

/** The most that `crypto.getRandomValues` gives at once. */
const RANDOM_BYTES = 65_536;
const FILES_PER_FOLDER = 100;
const NOISE_BYTES = 4 * 1024 * 1024;

/** What a tree holds. */
export interface TreeSize {
  readonly files: number;
  /** Of all files together. */
  readonly bytes: number;
}

/** Makes a tree below `root`, which must not exist; returns the path of one of its files. */
export function makeTree(root: string, { files, bytes }: TreeSize): string {
  const noise = noiseOf(Math.min(NOISE_BYTES, Math.max(1, bytes)));
  const size = Math.floor(bytes / files);
  Deno.mkdirSync(root);
  let last = "";
  for (let i = 0; i < files; i++) {
    const folder = join(root, `d${Math.floor(i / FILES_PER_FOLDER)}`);
    if (i % FILES_PER_FOLDER === 0) Deno.mkdirSync(folder);
    last = `d${Math.floor(i / FILES_PER_FOLDER)}/f${i}`;
    writeFile(join(root, last), size, noise, i);
  }
  return last;
}

/** No two files are alike: each begins at another place of the noise. */
function writeFile(path: string, size: number, noise: Uint8Array, index: number): void {
  using file = Deno.openSync(path, { write: true, createNew: true });
  let from = (index * 7919) % noise.length;
  for (let left = size; left > 0; from = 0) {
    const part = noise.subarray(from, from + left);
    left -= file.writeSync(part);
  }
}

function noiseOf(bytes: number): Uint8Array {
  const noise = new Uint8Array(bytes);
  for (let at = 0; at < bytes; at += RANDOM_BYTES) {
    crypto.getRandomValues(noise.subarray(at, at + RANDOM_BYTES));
  }
  return noise;
}
