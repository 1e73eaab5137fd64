/**
 * Standard input, output and error of this process as streams of bytes, and its terminal, for commands
 * that run another one elsewhere. Tests hand in their own.
 */
import type { TerminalSize } from "../transport/guest/exec_frames.ts";

/** See the file comment. */
export interface LocalStreams {
  /** Whether standard input is a terminal. */
  readonly inIsTerminal: boolean;
  /** The next bytes of standard input; `null` at its end. */
  read(): Promise<Uint8Array | null>;
  /** Writes all of it; rejects when nobody reads any more. */
  out(chunk: Uint8Array): Promise<void>;
  err(chunk: Uint8Array): Promise<void>;
  /** Hands every key to the command, or takes them back. */
  setRaw(raw: boolean): void;
  /** `undefined` when there is no terminal. */
  size(): TerminalSize | undefined;
  /** Calls `handler` whenever the terminal has another size; the result stops that. */
  onResize(handler: () => void): () => void;
}

const READ_BYTES = 64 * 1024;

/** The process we are. */
export function denoStreams(): LocalStreams {
  return {
    inIsTerminal: Deno.stdin.isTerminal(),
    async read() {
      const buffer = new Uint8Array(READ_BYTES);
      const count = await Deno.stdin.read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    },
    out: (chunk) => writeAll(Deno.stdout, chunk),
    err: (chunk) => writeAll(Deno.stderr, chunk),
    setRaw: (raw) => Deno.stdin.setRaw(raw),
    size: consoleSize,
    onResize,
  };
}

async function writeAll(stream: typeof Deno.stdout, chunk: Uint8Array): Promise<void> {
  for (let at = 0; at < chunk.length;) at += await stream.write(chunk.subarray(at));
}

function consoleSize(): TerminalSize | undefined {
  try {
    const { columns, rows } = Deno.consoleSize();
    return { cols: columns, rows };
  } catch {
    // No terminal.
    return undefined;
  }
}

function onResize(handler: () => void): () => void {
  Deno.addSignalListener("SIGWINCH", handler);
  return () => Deno.removeSignalListener("SIGWINCH", handler);
}
