/**
 * Commands on the remote host through its guest: each one is a connection of its own, so none waits for
 * another. Owns nothing; a process belongs to whoever started it.
 */
import { AgentError } from "../../errors.ts";
import { execOverGuest, type GuestProcess } from "./exec.ts";
import type { GuestLink } from "./link.ts";
import { Lines } from "../lines.ts";
import { Output } from "../output.ts";
import type { CommandResult, RemoteProcess, Shell, SpawnOptions } from "../transport.ts";

/** Commands that stay, at a time. */
const MAX_SPAWNED = 16;
/**
 * How long a guest may take to start a command; it does so at once. A connection that has died without a
 * word costs this before another one is tried.
 */
const START_MS = 15_000;

/** See the file comment. */
export class GuestShell implements Shell {
  readonly #link: GuestLink;
  #spawned = 0;

  constructor(link: GuestLink) {
    this.#link = link;
  }

  /** Throws `AgentError` of kind `engine` or `lost`, or the reason of `signal`. */
  async run(command: string, options: { signal?: AbortSignal } = {}): Promise<CommandResult> {
    const { signal } = options;
    const stdout = new Output();
    const stderr = new Output();
    const process = await this.#start(command, signal, (chunk) => stderr.add(chunk));
    const onAbort = () => process.stdio.close();
    signal?.addEventListener("abort", onAbort, { once: true });
    try {
      await process.stdio.closeWrite();
      for (let chunk; (chunk = await process.stdio.read()) !== null;) stdout.add(chunk);
      return { code: codeOf(await process.exit), stdout: stdout.text(), stderr: stderr.text() };
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    } finally {
      signal?.removeEventListener("abort", onAbort);
      process.stdio.close();
    }
  }

  /** See {@link Shell.spawn}. Closing its `stdio` ends the command as well. */
  async spawn(command: string, options: SpawnOptions = {}): Promise<RemoteProcess> {
    const { signal, onStderr } = options;
    if (this.#spawned >= MAX_SPAWNED) {
      throw new AgentError("engine", `Too many long-running commands on ${this.#link.name}`);
    }
    this.#spawned++;
    try {
      const lines = new Lines(onStderr ?? (() => {}));
      const { stdio, exit } = await this.#start(command, signal, (chunk) => lines.add(chunk));
      const onAbort = () => stdio.close();
      signal?.addEventListener("abort", onAbort, { once: true });
      const ended = exit.then((report) => {
        this.#spawned--;
        signal?.removeEventListener("abort", onAbort);
        lines.end();
        return codeOf(report);
      });
      return { stdio, exit: ended };
    } catch (error) {
      this.#spawned--;
      throw error;
    }
  }

  #start(
    command: string,
    signal: AbortSignal | undefined,
    onStderr: (chunk: Uint8Array) => void,
  ): Promise<GuestProcess> {
    return this.#link.use(signal, async (duplex, { host, token }) => {
      const process = await execOverGuest(duplex, {
        host,
        ...(token === undefined ? {} : { token }),
        ...(signal === undefined ? {} : { signal }),
        command,
        shell: true,
        onStderr,
        timeoutMs: START_MS,
      });
      if (process.framed) return process;
      process.stdio.close();
      throw new AgentError("engine", `${this.#link.name} does not tell how a command ends`, {
        hint: "update the guest on the remote host",
      });
    });
  }
}

function codeOf(report: Awaited<GuestProcess["exit"]>): number | null {
  return "code" in report ? report.code : null;
}
