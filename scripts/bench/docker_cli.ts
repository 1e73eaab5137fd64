/** Runs the docker CLI against a peer and times it. */
import type { Peer } from "./peers/peer.ts";

/** A CLI run that takes longer has failed. */
const CLI_TIMEOUT_MS = 120_000;
const MESSAGE_CHARS = 300;

/** How one run of the CLI went. */
export interface CliRun {
  milliseconds: number;
  /** What went wrong; `undefined` after exit code 0. */
  failure: string | undefined;
}

/** Runs `docker ARGS` with nothing on its standard input and its output thrown away. */
export async function timeDocker(
  peer: Peer,
  args: readonly string[],
  signal: AbortSignal,
): Promise<CliRun> {
  const command = new Deno.Command("docker", {
    args: [...args],
    env: peer.env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
    signal: AbortSignal.any([signal, AbortSignal.timeout(CLI_TIMEOUT_MS)]),
  });
  const start = performance.now();
  const { code, stderr } = await command.output();
  const milliseconds = performance.now() - start;
  signal.throwIfAborted();
  const text = new TextDecoder().decode(stderr).replaceAll(/\s+/g, " ").trim();
  const failure = code === 0 ? undefined : `exit code ${code}: ${text.slice(0, MESSAGE_CHARS)}`;
  return { milliseconds, failure };
}

/** Like {@link timeDocker}, but a failure is thrown; returns the time in ms. */
export async function mustDocker(
  peer: Peer,
  args: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  const { milliseconds, failure } = await timeDocker(peer, args, signal);
  if (failure !== undefined) throw new Error(`Cannot run "docker ${args.join(" ")}": ${failure}`);
  return milliseconds;
}
