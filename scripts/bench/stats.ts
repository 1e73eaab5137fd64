/**
 * The arithmetic of the bench: medians and ratios, nothing else. Times on a shared machine drift
 * (other load, CPU frequency), so peers are measured in turn, round by round, and a ratio is taken
 * within each round before the median is taken over the rounds: what slows a round slows both.
 */

/** The samples of one peer, one list per round, in the order measured. */
export type Rounds = readonly (readonly number[])[];

/** The middle value, or the mean of the two middle ones. Throws `RangeError` on an empty list. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) {
    throw new RangeError("Cannot take a median of nothing");
  }
  return (lower + upper) / 2;
}

/** The median over all samples of all rounds; `undefined` when there is none. */
export function pooledMedian(rounds: Rounds): number | undefined {
  const all = rounds.flat();
  return all.length === 0 ? undefined : median(all);
}

/**
 * How many times the peer's value ours is: the median over the rounds of the ratio of the two
 * medians of that round. Rounds that either side lacks, or in which the peer's median is 0, do not
 * count; `undefined` when none is left.
 */
export function pairedRatio(ours: Rounds, peer: Rounds): number | undefined {
  const ratios: number[] = [];
  for (const [index, mine] of ours.entries()) {
    const theirs = peer[index];
    if (theirs === undefined || mine.length === 0 || theirs.length === 0) continue;
    const base = median(theirs);
    if (base !== 0) ratios.push(median(mine) / base);
  }
  return ratios.length === 0 ? undefined : median(ratios);
}
