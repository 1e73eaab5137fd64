/** Reads configuration files as text, within a bound. */
import { messageOf } from "../../errors.ts";
import { UnreadableFile } from "../../system/small_file.ts";

/** Up to `limit` bytes from the beginning of a file; rejects as `readBeginning` does. */
export type ReadFile = (path: string, limit: number) => Promise<Uint8Array>;

/** The whole file; far more than any real one, and little enough to parse in no time. */
export const MAX_FILE_BYTES = 64 * 1024;

/** The text of a file; throws what `refuse` makes of the reason why it cannot be read. */
export async function readText(
  path: string,
  readFile: ReadFile,
  refuse: (why: string, cause?: unknown) => Error,
): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path, MAX_FILE_BYTES + 1);
  } catch (error) {
    const cause = error instanceof UnreadableFile ? error.cause : error;
    if (cause instanceof Deno.errors.NotFound) throw refuse("there is no such file", cause);
    if (cause instanceof Deno.errors.IsADirectory) throw refuse("it is a directory", cause);
    if (cause instanceof Deno.errors.PermissionDenied) throw refuse("permission denied", cause);
    throw refuse(messageOf(error), error);
  }
  if (bytes.length > MAX_FILE_BYTES) throw refuse(`larger than ${MAX_FILE_BYTES} bytes`);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw refuse("not UTF-8 text", error);
  }
}
