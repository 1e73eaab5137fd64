/** Where the user's own files are. */
import { homedir, userInfo } from "node:os";
import { isAbsolute } from "node:path";

/**
 * The directory that `named` (`HOME`, or `USERPROFILE` on Windows) names; where it is not set, empty or
 * relative, the one of the user's account, as for ssh(1). Nothing for a user without an account.
 */
export function homeDirectory(named: string | undefined): string | undefined {
  if (named && isAbsolute(named)) return named;
  try {
    const home = Deno.build.os === "windows" ? homedir() : userInfo().homedir;
    return isAbsolute(home) ? home : undefined;
  } catch {
    // A user id without an account, as in some containers.
    return undefined;
  }
}
