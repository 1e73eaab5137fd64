/**
 * This machine in the place of the remote host: runs the same scripts with the same tools, without a
 * network. `cut` breaks the connection as a lost link does: at any byte, for both sides at once.
 */
import { AgentError } from "../../lib/errors.ts";
import type { Duplex } from "../../lib/net/duplex.ts";
import type {
  CommandResult,
  RemoteProcess,
  Shell,
  SpawnOptions,
} from "../../lib/transport/transport.ts";

/** See the file comment. */
export class LocalShell implements Shell {
  readonly #running = new Set<() => void>();
  #bytesLeft: number | undefined;
  #isCut = false;

  /** Cuts the connection once so many more bytes have passed. */
  cutAfter(bytes: number): void {
    this.#bytesLeft = bytes;
  }

  run(): Promise<CommandResult> {
    throw new Error("Not used by the sync");
  }

  spawn(command: string, options: SpawnOptions = {}): Promise<RemoteProcess> {
    if (this.#isCut) return Promise.reject(lost());
    const child = new Deno.Command("sh", {
      args: ["-c", command],
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const writer = child.stdin.getWriter();
    const reader = child.stdout.getReader();
    let cut = false;
    const cutNow = () => {
      cut = true;
      // The remote side notices as sshd does: its input ends, its output leads nowhere.
      writer.close().catch(() => {});
      reader.cancel().catch(() => {});
    };
    this.#running.add(cutNow);
    options.signal?.addEventListener("abort", cutNow, { once: true });
    const stderr = readLines(child.stderr, options.onStderr ?? (() => {}));
    const exit = Promise.all([child.status, stderr]).then(([{ code }]) => {
      this.#running.delete(cutNow);
      options.signal?.removeEventListener("abort", cutNow);
      return cut ? null : code;
    });
    const stdio: Duplex = {
      read: async () => {
        const { value, done } = await reader.read();
        if (cut) throw lost();
        if (done) return null;
        this.#count(value.length);
        if (cut) throw lost();
        return value;
      },
      write: async (chunk) => {
        const allowed = Math.min(chunk.length, this.#bytesLeft ?? chunk.length);
        if (cut) throw lost();
        await writer.write(chunk.subarray(0, allowed)).catch(closedPipe);
        this.#count(chunk.length);
        if (cut) throw lost();
      },
      closeWrite: () => writer.close().catch(() => {}),
      close: () => {
        writer.close().catch(() => {});
        reader.cancel().catch(() => {});
      },
      closed: exit.then(() => {}),
    };
    return Promise.resolve({ stdio, exit });
  }

  #count(bytes: number): void {
    if (this.#bytesLeft === undefined) return;
    this.#bytesLeft -= bytes;
    if (this.#bytesLeft > 0) return;
    this.#bytesLeft = 0;
    this.#isCut = true;
    for (const cutNow of this.#running) cutNow();
  }
}

function lost(): AgentError {
  return new AgentError("lost", "Cut by the test");
}

function closedPipe(): never {
  const error = new Error("The command has closed its input");
  error.name = "BrokenPipe";
  throw error;
}

async function readLines(
  stream: ReadableStream<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const text = await new Response(stream).text();
  for (const line of text.split("\n")) if (line !== "") onLine(line);
}
