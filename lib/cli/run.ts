/** Parses, validates and dispatches one command line; returns the exit code of the process. */
export function run(_args: readonly string[]): Promise<number> {
  return Promise.resolve(0);
}
