/**
 * Where large files that have not arrived whole are kept on the remote host, for the next attempt. Pure
 * text.
 */
import { createHash } from "node:crypto";
import { shellQuote } from "../../transport/posix_shell.ts";

/** For smaller files the questions cost more than they save. */
export const LARGE_FILE_BYTES = 8 * 1024 * 1024;
/** Below the staging directory: files by {@link keyOf}. */
export const LARGE = "large";

/** Ends the name of a link in it that stands for a file of the tree while it is fetched. */
export const LINK = ".link";

/** The name of a file's copy; the same in every attempt. The remote script makes it with sha256sum. */
export function keyOf(path: string): string {
  return createHash("sha256").update(path).digest("hex");
}

/**
 * Shell text: keeps the large files of an upload directory `$S` that is given up, unless the disk is
 * full: then they may be why.
 */
export function keepLargeFiles(staging: string): string {
  const large = shellQuote(`${staging}/${LARGE}`);
  return `{ [ -d "$S/t" ] && echo 1 > "$S/room"; } 2>/dev/null && find "$S/t" -type f -size +${
    LARGE_FILE_BYTES / 1024
  }k ` +
    `-printf '%P\\n' 2>/dev/null | while IFS= read -r p; do mkdir -p ${large}; ` +
    `k=$(printf %s "$p" | sha256sum); mv -f -- "$S/t/$p" ${large}/"\${k%% *}" 2>/dev/null; done`;
}
