/**
 * The way on which the agents of a test file reach the rig: SSH, unless the file chooses another one
 * before it imports tests that were written for SSH. One choice per file, made before the first test.
 */

/** See the file comment. */
export interface Way {
  /** Begins the names of the tests. */
  readonly name: string;
  /** The flags that lead to the remote host, in the place of those for SSH. */
  readonly flags: Readonly<Record<string, string>>;
  /** The port of the remote host that they lead to. */
  readonly door: number;
  /** Verbs of the rig that are about sshd, as they are for what stands in its place. */
  readonly verbs?: Readonly<Record<string, () => Promise<void>>>;
  /** Which of the imported tests are run this way, by their names. */
  takes(test: string): boolean;
}

const chosen: { way?: Way } = {};

/** Chooses the way for this file. */
export function goBy(way: Way): void {
  chosen.way = way;
}

/** The way of this file; nothing for SSH. */
export function currentWay(): Way | undefined {
  return chosen.way;
}
