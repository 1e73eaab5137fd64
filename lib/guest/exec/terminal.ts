/**
 * Pseudo-terminals of Linux, by way of the C library (posix_openpt(3)): neither Deno nor a program that
 * every host has can give one whose size may change. The library is loaded once by whoever owns the
 * {@link Terminals}.
 */
import type { TerminalSize } from "../../transport/guest/exec_frames.ts";

const LIBRARY = "libc.so.6";
const SYMBOLS = {
  posix_openpt: { parameters: ["i32"], result: "i32" },
  grantpt: { parameters: ["i32"], result: "i32" },
  unlockpt: { parameters: ["i32"], result: "i32" },
  ptsname_r: { parameters: ["i32", "buffer", "usize"], result: "i32" },
  pipe2: { parameters: ["buffer", "i32"], result: "i32" },
  ioctl: { parameters: ["i32", "u64", "buffer"], result: "i32" },
  // Waits on a thread of its own, so that nothing else waits with it.
  poll: { parameters: ["buffer", "u64", "i32"], result: "i32", nonblocking: true },
  read: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  write: { parameters: ["i32", "buffer", "usize"], result: "isize" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;
type Libc = Deno.DynamicLibrary<typeof SYMBOLS>;

// Linux's values, the same on x86-64 and arm64 (asm-generic/fcntl.h, ioctls.h, poll.h).
const O_RDWR = 0o2;
const O_NOCTTY = 0o400;
const O_NONBLOCK = 0o4000;
const O_CLOEXEC = 0o2000000;
const TIOCSWINSZ = 0x5414n;
const POLLIN = 1;
const POLLOUT = 4;
const POLLERR_OR_HUP = 8 | 16;
/** Of `struct pollfd`: an int and two shorts. */
const POLLFD_BYTES = 8;
const READ_BYTES = 32 * 1024;
/** `/dev/pts/` and a number. */
const NAME_BYTES = 64;

/** Makes terminals. One owner, who closes it after the last of them. */
export class Terminals {
  readonly #libc: Libc;

  private constructor(libc: Libc) {
    this.#libc = libc;
  }

  /** `undefined` where there are none: another system, or another C library. */
  static load(): Terminals | undefined {
    if (Deno.build.os !== "linux") return undefined;
    try {
      return new Terminals(Deno.dlopen(LIBRARY, SYMBOLS));
    } catch {
      // The guest says that it has no terminals.
      return undefined;
    }
  }

  /** Throws when the system has no more. */
  open(size: TerminalSize): Terminal {
    return new Terminal(this.#libc, size);
  }

  close(): void {
    this.#libc.close();
  }
}

/** The master side of one terminal. */
export class Terminal {
  /** The file of the other side. */
  readonly path: string;
  readonly #libc: Libc;
  readonly #master: number;
  /** Becomes readable when the terminal is closed, to end what waits in `poll`. */
  readonly #wake: readonly [read: number, write: number];
  readonly #freed = Promise.withResolvers<void>();
  #waiting = 0;
  #closed = false;

  constructor(libc: Libc, size: TerminalSize) {
    this.#libc = libc;
    const { symbols } = libc;
    this.#master = symbols.posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (this.#master < 0) throw new Error("the system has no free terminal");
    const ends = new Int32Array(2);
    const name = new Uint8Array(NAME_BYTES);
    const failed = symbols.grantpt(this.#master) !== 0 || symbols.unlockpt(this.#master) !== 0 ||
      symbols.ptsname_r(this.#master, name, BigInt(NAME_BYTES)) !== 0 ||
      symbols.pipe2(bytesOf(ends), O_CLOEXEC) !== 0;
    this.#wake = [ends[0] ?? -1, ends[1] ?? -1];
    if (failed) {
      symbols.close(this.#master);
      throw new Error("the system cannot set up a terminal");
    }
    this.path = new TextDecoder().decode(name.subarray(0, name.indexOf(0)));
    this.resize(size);
  }

  /** What was shown; `null` once nobody has the other side open, or after `close`. */
  async read(): Promise<Uint8Array | null> {
    while (!this.#closed) {
      await this.#poll(POLLIN);
      if (this.#closed) break;
      const buffer = new Uint8Array(READ_BYTES);
      const count = Number(this.#libc.symbols.read(this.#master, buffer, BigInt(READ_BYTES)));
      // EIO: the last process has closed the other side. EAGAIN cannot be: it is readable.
      return count > 0 ? buffer.subarray(0, count) : null;
    }
    return null;
  }

  /** Types; settles when all of it was taken. Throws once nobody takes it any more. */
  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const ready = await this.#poll(POLLOUT);
      if (this.#closed || (ready & POLLERR_OR_HUP) !== 0) {
        throw new Deno.errors.BrokenPipe("The terminal is closed");
      }
      const rest = chunk.slice(at);
      const count = Number(this.#libc.symbols.write(this.#master, rest, BigInt(rest.length)));
      if (count > 0) at += count;
    }
  }

  resize({ cols, rows }: TerminalSize): void {
    if (this.#closed) return;
    // `struct winsize`: rows, columns, and two that are not used.
    const size = bytesOf(new Uint16Array([rows, cols, 0, 0]));
    this.#libc.symbols.ioctl(this.#master, TIOCSWINSZ, size);
  }

  /** Ends what waits; the kernel hangs up the other side. Settles when all is freed. Idempotent. */
  close(): Promise<void> {
    if (this.#closed) return this.#freed.promise;
    this.#closed = true;
    this.#libc.symbols.write(this.#wake[1], new Uint8Array(1), 1n);
    if (this.#waiting === 0) this.#free();
    return this.#freed.promise;
  }

  /**
   * Waits, and tells what there is. A descriptor that a thread waits on must not be closed: its number
   * could be another file's.
   */
  async #poll(events: number): Promise<number> {
    const set = new Uint8Array(2 * POLLFD_BYTES);
    const view = new DataView(set.buffer);
    view.setInt32(0, this.#master, true);
    view.setInt16(4, events, true);
    view.setInt32(POLLFD_BYTES, this.#wake[0], true);
    view.setInt16(POLLFD_BYTES + 4, POLLIN, true);
    this.#waiting++;
    try {
      await this.#libc.symbols.poll(set, 2n, -1);
      return view.getInt16(6, true);
    } finally {
      this.#waiting--;
      if (this.#closed && this.#waiting === 0) this.#free();
    }
  }

  #free(): void {
    for (const fd of [this.#master, ...this.#wake]) this.#libc.symbols.close(fd);
    this.#freed.resolve();
  }
}

function bytesOf(view: Int32Array<ArrayBuffer> | Uint16Array<ArrayBuffer>) {
  return new Uint8Array(view.buffer);
}
