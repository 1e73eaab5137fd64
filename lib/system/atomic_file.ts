/** Files that are, at any moment, either what they were or what they become. */
import { replaceFileSync } from "./replace_file.ts";

const encoder = new TextEncoder();

/**
 * Replaces a file, or makes one. Throws what the system reports, and then the file is as it was. What
 * has been written survives a loss of power.
 */
export function writeAtomically(
  path: string,
  text: string | Iterable<string>,
  mode = 0o600,
): void {
  const temporary = `${path}.${crypto.randomUUID()}.tmp`;
  try {
    writeNew(temporary, typeof text === "string" ? [text] : text);
    if (Deno.build.os !== "windows") Deno.chmodSync(temporary, mode);
    replaceFileSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

/** Writes all of it; a file may take a part at a time. */
export function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}

function writeNew(path: string, parts: Iterable<string>): void {
  using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  for (const part of parts) writeAll(file, encoder.encode(part));
  file.syncSync();
}

function removeQuietly(path: string): void {
  try {
    Deno.removeSync(path);
  } catch {
    // It was not made.
  }
}
