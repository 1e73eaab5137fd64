/** Where files that are fetched go, however they travel. */
import type { TarEntry } from "./tar_read.ts";

/** Takes one file; reads all of `data` or leaves the rest. */
export type FileSink = (
  path: string,
  entry: TarEntry,
  data: () => Promise<Uint8Array | null>,
) => Promise<void>;
