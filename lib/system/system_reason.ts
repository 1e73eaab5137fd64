/** What the system says of a file, in a few words: without the number of its error and the path. */
import { messageOf } from "../errors.ts";

/** Such as `permission denied`, to follow a colon after whatever names the file. */
export function systemReason(error: unknown): string {
  const words = messageOf(error).replace(/ \(os error \d+\).*$/, "");
  return words.slice(0, 1).toLowerCase() + words.slice(1);
}
