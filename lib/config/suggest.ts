/** "Did you mean …": the known name nearest to a mistyped one. */
import { levenshteinDistance } from "@std/text/levenshtein-distance";

const distance = levenshteinDistance as (a: string, b: string) => number;

/** A longer word is nobody's slip of the finger, and measuring it costs its square. */
const MAX_LENGTH = 64;
/** More edits than this, or than half of the letters, make another word, not a slip. */
const MAX_EDITS = 3;

/** The nearest of `known` within three edits (fewer for short words), if there is one. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (word.length > MAX_LENGTH) return undefined;
  const plain = word.toLowerCase();
  let best: string | undefined;
  let fewest = Math.min(MAX_EDITS, Math.floor(word.replace(/^-+/, "").length / 2)) + 1;
  for (const candidate of known) {
    const edits = distance(plain, candidate.toLowerCase());
    if (edits < fewest) [best, fewest] = [candidate, edits];
  }
  return best;
}

/** The hint of an error about an unknown name. */
export function suggestion(word: string, known: readonly string[], otherwise: string): string {
  const match = nearest(word, known);
  return match === undefined ? otherwise : `did you mean ${match}?`;
}
