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
    const link = new Link(child, (bytes) => this.#count(bytes), () => this.#bytesLeft);
    const cutNow = () => link.cut();
    this.#running.add(cutNow);
    options.signal?.addEventListener("abort", cutNow, { once: true });
    const stderr = readLines(child.stderr, options.onStderr ?? (() => {}));
    const exit = Promise.all([child.status, stderr]).then(([{ code }]) => {
      this.#running.delete(cutNow);
      options.signal?.removeEventListener("abort", cutNow);
      return link.isCut ? null : code;
    });
    return Promise.resolve({ stdio: link.stdio(exit.then(() => {})), exit });
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

/** Input and output of one command, until they are cut. */
class Link {
  isCut = false;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #count: (bytes: number) => void;
  readonly #bytesLeft: () => number | undefined;

  constructor(
    child: Deno.ChildProcess,
    count: (bytes: number) => void,
    bytesLeft: () => number | undefined,
  ) {
    this.#writer = child.stdin.getWriter();
    this.#reader = child.stdout.getReader();
    this.#count = count;
    this.#bytesLeft = bytesLeft;
  }

  /** The remote side notices as sshd does: its input ends, its output leads nowhere. */
  cut(): void {
    this.isCut = true;
    this.#close();
  }

  stdio(closed: Promise<void>): Duplex {
    return {
      read: () => this.#read(),
      write: (chunk) => this.#write(chunk),
      closeWrite: () => this.#writer.close().catch(() => {}),
      close: () => this.#close(),
      closed,
    };
  }

  async #read(): Promise<Uint8Array | null> {
    const { value, done } = await this.#reader.read();
    if (this.isCut) throw lost();
    if (done) return null;
    this.#count(value.length);
    if (this.isCut) throw lost();
    return value;
  }

  async #write(chunk: Uint8Array): Promise<void> {
    const allowed = Math.min(chunk.length, this.#bytesLeft() ?? chunk.length);
    if (this.isCut) throw lost();
    await this.#writer.write(chunk.subarray(0, allowed)).catch(closedPipe);
    this.#count(chunk.length);
    if (this.isCut) throw lost();
  }

  #close(): void {
    this.#writer.close().catch(() => {});
    this.#reader.cancel().catch(() => {});
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
