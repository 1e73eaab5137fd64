/** "Same as direct": one docker command through the agent and on the engine's own socket. */
import { assertEquals } from "./assert.ts";
import type { Finished } from "./child.ts";
import type { DockerOptions } from "./docker_cli.ts";
import type { Bench } from "./e2e.ts";

/** Options of {@link sameAsDirect}. */
export interface SameOptions extends DockerOptions {
  /** Brings what may differ from run to run (ids, times, order) into one form. */
  normalize?: (text: string) => string;
}

/**
 * Runs a command both ways, requires the same exit code, standard output and standard error, and
 * returns what came through the agent.
 */
export async function sameAsDirect(
  bench: Pick<Bench, "docker" | "direct">,
  args: readonly string[],
  options: SameOptions = {},
): Promise<Finished> {
  const { normalize = (text) => text, ...rest } = options;
  const form = ({ code, stdout, stderr }: Finished) => ({
    command: `docker ${args.join(" ")}`,
    code,
    stdout: normalize(stdout),
    stderr: normalize(withoutRacyLines(stderr)),
  });
  const through = await bench.docker.run(args, rest);
  assertEquals(form(through), form(await bench.direct.run(args, rest)));
  return through;
}

/**
 * Lines that are there or not by a race which is not ours: the CLI of Debian logs that it stopped waiting
 * for a container, and Podman adds to a command it cannot start how its own stream to it ended.
 */
const RACY_LINES =
  /^(time=.*"error waiting for container: |Error: read unixpacket .*: connection reset by peer).*\n/gm;

/** Standard error without {@link RACY_LINES}. */
export function withoutRacyLines(stderr: string): string {
  return stderr.replaceAll(RACY_LINES, "");
}

/** A `normalize` for outputs whose lines have no order. */
export function sortLines(text: string): string {
  return text.split("\n").sort().join("\n");
}

/** A name no other test uses. */
export function uniqueName(prefix: string): string {
  return `${prefix}-${crypto.randomUUID().slice(0, 8)}`;
}
