/**
 * A command on the other side of a guest or gateway, over one upgraded stream (docs/protocol.md). With
 * a server that knows frames, standard error, exit status, signals and the size of a terminal travel
 * beside the data; with one that does not, only standard input and output do.
 */
import { AgentError, messageOf } from "../../errors.ts";
import type { Duplex } from "../../net/duplex.ts";
import { upgrade, type UpgradeOptions } from "../endpoint/http_upgrade.ts";
import {
  type ExitReport,
  FRAME,
  type Frame,
  FRAMED_HEADER,
  FRAMED_V1,
  FrameReader,
  FrameWriter,
  parseExit,
  type TerminalSize,
} from "./exec_frames.ts";

/** Where commands are asked for. */
export const EXEC_PATH = "/tinyscale/v1/host-exec/command";

/** What to run; the options of {@link upgrade} bound the start alone. */
export interface GuestCommand extends UpgradeOptions {
  /** The value of `Host`. */
  readonly host: string;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: string;
  /** A program, looked up in `PATH` there; with `shell`, a script for the user's login shell. */
  readonly command: string;
  readonly args?: readonly string[];
  /** `NAME=VALUE`, added to the guest's own environment. */
  readonly envs?: readonly string[];
  readonly cwd?: string;
  /** Runs it on a terminal of this size; standard error then is the terminal's, too. */
  readonly tty?: TerminalSize;
  /** The value of `TERM` on that terminal. */
  readonly term?: string;
  readonly shell?: boolean;
  /** Gets standard error as it comes; the next piece waits for it. Default: it is dropped. */
  readonly onStderr?: (chunk: Uint8Array) => void | Promise<void>;
  /** How long a server that sends signs of life may be without one. Default: 60 s. */
  readonly silenceMs?: number;
}

/** A command that runs there. Its owner closes `stdio`, which also ends the command. */
export interface GuestProcess {
  /** Whether the server knows frames; without them the last three members do nothing. */
  readonly framed: boolean;
  /**
   * Its standard input and output. The end of a read is the end of the output; if the connection
   * was lost instead, the read rejects with an `AgentError` of kind `lost`.
   */
  readonly stdio: Duplex;
  /** How it ended, at the latest when the connection does. Never rejects. */
  readonly exit: Promise<ExitReport>;
  /** Tells it the new size of its terminal. Never rejects. */
  resize(size: TerminalSize): Promise<void>;
  /** Sends it a signal, such as `SIGINT`. Never rejects. */
  signal(name: string): Promise<void>;
}

/** Standard output that came and was not read; beyond it the server has to wait. */
const MAX_HELD_BYTES = 256 * 1024;
/** A guest gives a sign of life every 15 s. */
const SILENCE_MS = 60_000;
const LOST = "the connection ended before the command did";

/**
 * Starts a command over `duplex`, a fresh connection to the guest, which belongs to this function and
 * then to the process. Throws as {@link upgrade} does; the server's message says why a command cannot
 * be started.
 */
export async function execOverGuest(duplex: Duplex, command: GuestCommand): Promise<GuestProcess> {
  const { command: program, args = [], envs = [], cwd, tty, term, shell } = command;
  const body = {
    command: program,
    args,
    envs,
    ...(cwd !== undefined && { cwd }),
    ...(tty !== undefined && { tty }),
    ...(term !== undefined && { term }),
    ...(shell === true && { shell }),
  };
  const { duplex: stream, headers } = await upgrade(duplex, {
    method: "POST",
    path: EXEC_PATH,
    host: command.host,
    headers: [
      ["Content-Type", "application/json"],
      [FRAMED_HEADER, FRAMED_V1],
      ...(command.token === undefined
        ? []
        : [["Authorization", `Bearer ${command.token}`] as const]),
    ],
    body: new TextEncoder().encode(JSON.stringify(body)),
  }, command);
  if (headers.get(FRAMED_HEADER) !== FRAMED_V1) return rawProcess(stream);
  return new FramedProcess(stream, command);
}

/** The first level of the protocol: bytes both ways, and nothing is known of how the command ended. */
function rawProcess(stream: Duplex): GuestProcess {
  const ignore = () => Promise.resolve();
  const ended = Promise.withResolvers<ExitReport>();
  const end = () => ended.resolve({ error: "the server does not tell how the command ended" });
  const stdio: Duplex = {
    async read() {
      const chunk = await stream.read();
      if (chunk === null) end();
      return chunk;
    },
    write: (chunk) => stream.write(chunk),
    closeWrite: () => stream.closeWrite(),
    close: () => stream.close(),
    closed: stream.closed,
  };
  void stream.closed.then(end);
  return { framed: false, stdio, exit: ended.promise, resize: ignore, signal: ignore };
}

class FramedProcess implements GuestProcess {
  readonly framed = true;
  readonly stdio: Duplex;
  readonly exit: Promise<ExitReport>;
  readonly #stream: Duplex;
  readonly #writer: FrameWriter;
  readonly #output: Held;
  readonly #onStderr: (chunk: Uint8Array) => void | Promise<void>;
  readonly #silenceMs: number;
  #givesSigns = false;
  #inputEnded = false;

  constructor(stream: Duplex, { onStderr = () => {}, silenceMs = SILENCE_MS }: GuestCommand) {
    this.#stream = stream;
    this.#silenceMs = silenceMs;
    this.#writer = new FrameWriter(stream);
    this.#output = new Held();
    this.#onStderr = onStderr;
    this.stdio = {
      read: () => this.#output.take(),
      write: (chunk) => this.#write(chunk),
      closeWrite: () => this.#endInput(),
      close: () => this.#close(),
      closed: stream.closed,
    };
    this.exit = this.#pump();
  }

  async #pump(): Promise<ExitReport> {
    try {
      const report = await this.#relay();
      this.#output.end();
      return report;
    } catch (cause) {
      const lost = new AgentError("lost", `Lost the command: ${messageOf(cause)}`, { cause });
      this.#output.fail(lost);
      return { error: messageOf(cause) };
    } finally {
      this.#stream.close();
    }
  }

  async #relay(): Promise<ExitReport> {
    const reader = new FrameReader(this.#stream);
    for (;;) {
      const frame = await this.#next(reader);
      if (frame === null) throw new Error(LOST);
      const { type, payload } = frame;
      if (type === FRAME.exit) return parseExit(payload);
      if (type === FRAME.stdout) {
        if (payload.length > 0) await this.#output.put(payload);
        else this.#givesSigns = true;
      } else if (type === FRAME.stderr) await this.#onStderr(payload);
      else throw new Error(`the server sent a frame of type ${type}`);
    }
  }

  /** A server that gives signs of life and then is silent has been cut off. */
  async #next(reader: FrameReader): Promise<Frame | null> {
    if (!this.#givesSigns) return await reader.next();
    let silent = false;
    const timer = setTimeout(() => {
      silent = true;
      this.#stream.close();
    }, this.#silenceMs);
    try {
      return await reader.next();
    } catch (error) {
      throw silent ? new Error(`no sign of life for ${this.#silenceMs / 1000} s`) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #write(chunk: Uint8Array): Promise<void> {
    if (this.#inputEnded) throw new Deno.errors.BrokenPipe("The command's input is closed");
    // An empty frame would be the end of the input.
    if (chunk.length > 0) await this.#writer.write(FRAME.stdin, chunk);
  }

  async #endInput(): Promise<void> {
    if (this.#inputEnded) return;
    this.#inputEnded = true;
    await this.#writer.write(FRAME.stdin, new Uint8Array(0)).catch(gone);
  }

  #close(): void {
    this.#stream.close();
    this.#output.fail(new Deno.errors.Interrupted("The command's output was closed"));
  }

  resize({ cols, rows }: TerminalSize): Promise<void> {
    return this.#writer.writeJson(FRAME.resize, { cols, rows }).catch(gone);
  }

  signal(name: string): Promise<void> {
    return this.#writer.writeJson(FRAME.signal, { signal: name }).catch(gone);
  }
}

/** The command has ended, or the connection has: `exit` tells. */
function gone(): void {}

/** Output between the connection and its reader. */
class Held {
  readonly #chunks: Uint8Array[] = [];
  #bytes = 0;
  #ended = false;
  #error: Error | undefined;
  #wake: (() => void)[] = [];

  /** Settles when there is room for more. */
  async put(chunk: Uint8Array): Promise<void> {
    if (this.#error !== undefined) throw this.#error;
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    this.#notify();
    while (this.#bytes > MAX_HELD_BYTES && this.#error === undefined) await this.#changed();
  }

  /** What came before the end, or before a failure, is handed out first. */
  async take(): Promise<Uint8Array | null> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#bytes -= chunk.length;
        this.#notify();
        return chunk;
      }
      if (this.#error !== undefined) throw this.#error;
      if (this.#ended) return null;
      await this.#changed();
    }
  }

  end(): void {
    this.#ended = true;
    this.#notify();
  }

  fail(error: Error): void {
    if (!this.#ended) this.#error ??= error;
    this.#notify();
  }

  #changed(): Promise<void> {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  #notify(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
