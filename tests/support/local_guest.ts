/** The guest as a program of its own on this machine, and the command line that talks to it. */
import { cleanEnvironment, spawnAgent } from "./agent.ts";
import { type Child, type Finished, runCommand } from "./child.ts";
import { freePort } from "./free_ports.ts";
import { programCommand } from "./program.ts";

/** A guest that listens; whoever started it stops it. */
export interface LocalGuest extends AsyncDisposable {
  readonly port: number;
  readonly child: Child;
}

/** Starts `guest --port PORT` with more flags and waits until it listens. */
export async function startLocalGuest(flags: readonly string[] = []): Promise<LocalGuest> {
  const port = freePort();
  const child = spawnAgent(["guest", "--port", String(port), ...flags]);
  try {
    await child.waitFor(/Listening on http/);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return { port, child, [Symbol.asyncDispose]: async () => void await child.stop() };
}

/** The words of `host-exec` with these arguments. */
export function hostExecCommand(args: readonly string[]): string[] {
  return [...programCommand(), "host-exec", ...args];
}

/** Runs `host-exec` with these arguments to its end. */
export function hostExec(
  args: readonly string[],
  options: { stdin?: string | Uint8Array; vars?: Record<string, string> } = {},
): Promise<Finished> {
  const [program = "", ...words] = hostExecCommand(args);
  return runCommand(program, words, {
    env: { ...cleanEnvironment(), ...options.vars },
    ...(options.stdin !== undefined && { stdin: options.stdin }),
  });
}
