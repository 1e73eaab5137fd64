/** The form in which content is compared. */
import { createHash } from "node:crypto";

/** The SHA-256 (hex) of chunks as they pass. */
export function contentHash(): { add(chunk: Uint8Array): void; end(): string } {
  const hash = createHash("sha256");
  return { add: (chunk) => void hash.update(chunk), end: () => hash.digest("hex") };
}
