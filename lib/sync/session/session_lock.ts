/**
 * One session is worked on by one process at a time: two agents may share a state directory, and both
 * know of the same folders. Whoever works holds a lock of the operating system on a file beside the
 * session's state. It ends with its process, however that ends, so there is no stale lock to break;
 * `flock` and its like on Windows both work so. A second file says for people who holds it: the locked
 * one cannot be read on Windows.
 */
import { join } from "node:path";
import { AgentError, messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";

const LOCK_FILE = "lock";
const HOLDER_FILE = "holder";
/** Whoever asks for a folder waits so long: programs that end hand over within moments. */
const PATIENCE_MS = 5_000;
const RETRY_MS = 100;

/** Another process works on the session. */
export class SessionTaken extends AgentError {
  /** Its process id, where it is known. */
  readonly holder: number | undefined;

  constructor(folder: string, holder: number | undefined) {
    const who = holder === undefined ? "another program" : `another program (process ${holder})`;
    super("engine", `The folder "${folder}" is kept in sync by ${who}`, {
      hint: "use that one, or stop it; what it does is listed by: remote-docker-agent syncs",
    });
    this.holder = holder;
  }
}

/** What a lock is made of. */
export interface SessionLockOptions {
  /** The session's directory, which must exist. */
  readonly directory: string;
  /** For people. */
  readonly folder: string;
  readonly log: Logger;
  /** Called whenever this process comes to hold the lock: another one may have worked before. */
  readonly onTaken: () => void;
  /** How long {@link SessionLock.holdSoon} waits. Default: five seconds. */
  readonly patienceMs?: number | undefined;
}

/** See the file comment. The session owns it; whoever holds it releases what `hold` returned. */
export class SessionLock {
  readonly #directory: string;
  readonly #folder: string;
  readonly #log: Logger;
  readonly #onTaken: () => void;
  readonly #patienceMs: number;
  #file: Deno.FsFile | undefined;
  #holders = 0;

  constructor(options: SessionLockOptions) {
    this.#directory = options.directory;
    this.#folder = options.folder;
    this.#log = options.log;
    this.#onTaken = options.onTaken;
    this.#patienceMs = options.patienceMs ?? PATIENCE_MS;
  }

  /** Holds the lock until the result is disposed of. Throws {@link SessionTaken} at once. */
  hold(): Disposable {
    if (this.#holders === 0) {
      this.#take();
      try {
        this.#onTaken();
      } catch (error) {
        this.#free();
        throw error;
      }
    }
    this.#holders += 1;
    let held = true;
    return {
      [Symbol.dispose]: () => {
        if (!held) return;
        held = false;
        this.#holders -= 1;
        if (this.#holders === 0) this.#free();
      },
    };
  }

  /** As {@link hold}, but waits a moment for another process to let go. */
  async holdSoon(signal: AbortSignal): Promise<Disposable> {
    const end = performance.now() + this.#patienceMs;
    for (;;) {
      try {
        return this.hold();
      } catch (error) {
        if (!(error instanceof SessionTaken) || performance.now() > end) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      signal.throwIfAborted();
    }
  }

  #take(): void {
    const file = Deno.openSync(join(this.#directory, LOCK_FILE), {
      write: true,
      create: true,
      mode: 0o600,
    });
    try {
      if (!this.#lock(file)) throw new SessionTaken(this.#folder, this.#holder());
    } catch (error) {
      file.close();
      throw error;
    }
    this.#file = file;
    Deno.writeTextFileSync(join(this.#directory, HOLDER_FILE), `${Deno.pid}\n`, { mode: 0o600 });
  }

  #lock(file: Deno.FsFile): boolean {
    try {
      return file.tryLockSync(true);
    } catch (error) {
      // Some network file systems have no locks. Two agents on one of them are not told apart.
      this.#log.debug(`Cannot lock the state of a sync session: ${messageOf(error)}`, {
        folder: this.#folder,
      });
      return true;
    }
  }

  #holder(): number | undefined {
    try {
      const text = /^\d+$/m.exec(Deno.readTextFileSync(join(this.#directory, HOLDER_FILE)))?.[0];
      return text === undefined ? undefined : Number(text);
    } catch {
      // It has not been written yet; the lock says enough.
      return undefined;
    }
  }

  #free(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}
