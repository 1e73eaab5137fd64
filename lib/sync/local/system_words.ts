/** What the system says about a file, for messages that name the file themselves. */
import { messageOf } from "../../errors.ts";

/**
 * The message of an error without the call and the paths that Deno adds: where they are those of
 * temporary files they mean nothing to a user, and differ each time.
 */
export function withoutPaths(error: unknown): string {
  return messageOf(error).replace(/(\(os error \d+\)): \w+ '.*$/s, "$1");
}
