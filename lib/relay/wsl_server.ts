/**
 * The SSH server at the other end, started inside a WSL distribution through `wsl.exe` and kept
 * running: one that ends is started again at once, one that does not even start after a pause that
 * doubles, and after too many such failures in a row it is given up. Owns the process. It holds the
 * server's standard input open, so that the server also ends with a relay that is killed.
 */
import { AgentError, messageOf } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import { connectionAnswers } from "./answers.ts";
import { sleep } from "../system/sleep.ts";

/** Pauses between starts, doubling, in milliseconds. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000;
/** Starting a distribution boots a virtual machine. */
const START_TIMEOUT_MS = 60_000;
const LOOK_EVERY_MS = 100;
/** How long a server may take to end by itself. */
const END_TIMEOUT_MS = 3_000;
/** So much of a line of the server's output is kept. */
const MAX_LINE = 4096;

/** What to start, and how. Durations are milliseconds. */
export interface WslServerOptions {
  readonly distribution: string;
  /** As Windows or the distribution names it. */
  readonly program: string;
  readonly host: string;
  readonly port: number;
  /** The one socket it lets its clients through to. */
  readonly socket: string;
  /** Lines of `authorized_keys`. */
  readonly authorizedKeys: readonly string[];
  readonly watchParent: boolean;
  readonly pollIntervalMs: number;
  readonly maxWaitMs: number;
  readonly bufferSize?: number;
  /** Told the server's host key at each start, before anybody connects; see `SshServer`. */
  readonly onHostKey: (key: string) => Promise<void>;
  /** Failures in a row that are put up with. */
  readonly maxRetries: number;
  /** Default: `wsl.exe`. */
  readonly command?: string;
  readonly log?: Logger;
}

/** See the file comment. */
export class WslServer {
  /** Settles with the error when the server is given up. */
  readonly failed: Promise<Error>;
  readonly #options: WslServerOptions;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #answered: Promise<void>;
  #markAnswered!: () => void;
  #fail!: (error: Error) => void;
  #child: Deno.ChildProcess | undefined;
  #running: Promise<void> = Promise.resolve();
  #lastLine = "";
  /** Whether the server that runs now has said its host key: it listens, and not somebody else. */
  #listens = false;

  constructor(options: WslServerOptions) {
    this.#options = options;
    this.#log = options.log ?? logger("wsl");
    this.failed = new Promise((resolve) => this.#fail = resolve);
    this.#answered = new Promise((resolve) => this.#markAnswered = resolve);
  }

  /** The process, while there is one; for status and tests. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts it and waits until it answers. Throws `AgentError` of kind `unreachable` if it does not. */
  async start(signal: AbortSignal): Promise<void> {
    this.#running = this.#keepRunning();
    const { promise: late, resolve } = Promise.withResolvers<"late">();
    const timer = setTimeout(() => resolve("late"), START_TIMEOUT_MS);
    const end = await Promise.race([this.#answered, this.failed, late, aborted(signal)]);
    clearTimeout(timer);
    if (end instanceof Error) throw end;
    signal.throwIfAborted();
    if (end === "late") throw this.#failure("it does not answer", undefined);
  }

  /** Ends the server and waits for its end. Idempotent. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
  }

  /** Only a server that ends without ever having answered counts as a failure. */
  async #keepRunning(): Promise<void> {
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      const { error, answered } = await this.#runOnce();
      if (this.#closing.signal.aborted) return;
      failures = answered ? 0 : failures + 1;
      this.#log.warn("The server has ended", { why: messageOf(error), failures });
      if (error instanceof Deno.errors.NotFound || failures > this.#options.maxRetries) {
        this.#fail(this.#failure(this.#lastLine || messageOf(error), error));
        return;
      }
      await this.#pause(
        Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** Math.max(0, failures - 1)),
      );
    }
  }

  /** Runs it to its end; returns why it ended, and whether it ever answered. */
  async #runOnce(): Promise<{ error: Error; answered: boolean }> {
    const { command = "wsl.exe" } = this.#options;
    const end = new AbortController();
    let looking = Promise.resolve(false);
    try {
      const child = new Deno.Command(command, {
        args: wslArguments(this.#options, Deno.pid),
        stdin: "piped",
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      this.#child = child;
      this.#listens = false;
      looking = this.#lookForAnswer(end.signal);
      const output = Promise.all([this.#follow(child.stdout), this.#follow(child.stderr)]);
      const ending = this.#endOnClose(child, end.signal);
      const status = await child.status;
      end.abort();
      await Promise.all([output, ending]);
      return { error: new Error(`exit code ${status.code}`), answered: await looking };
    } catch (error) {
      end.abort();
      const cause = error instanceof Error ? error : new Error(String(error));
      return { error: cause, answered: await looking };
    } finally {
      this.#child = undefined;
    }
  }

  /** Whether an SSH server answers before `ended`, with the process still there a moment later. */
  async #lookForAnswer(ended: AbortSignal): Promise<boolean> {
    const { host, port } = this.#options;
    while (!ended.aborted) {
      const answers = this.#listens && await connectionAnswers(host, port, LOOK_EVERY_MS * 10);
      await sleep(LOOK_EVERY_MS, ended);
      if (!answers || ended.aborted) continue;
      this.#markAnswered();
      return true;
    }
    return false;
  }

  /** Ends the child when we are closed: politely, then firmly. Settles when there is nothing to do. */
  async #endOnClose(child: Deno.ChildProcess, ended: AbortSignal): Promise<void> {
    await aborted(AbortSignal.any([this.#closing.signal, ended]));
    // The pipe may be broken already, when the server is what went first.
    await child.stdin.close().catch(() => {});
    for (const signal of ["SIGTERM", "SIGKILL"] as const) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), END_TIMEOUT_MS);
      await aborted(AbortSignal.any([ended, late.signal])).finally(() => clearTimeout(timer));
      if (ended.aborted) return;
      try {
        child.kill(signal);
      } catch {
        // It ended at this very moment.
      }
    }
  }

  /** What the server and `wsl.exe` say goes to the log. */
  async #follow(stream: ReadableStream<Uint8Array>): Promise<void> {
    let rest = "";
    for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
      // wsl.exe itself writes UTF-16, which leaves a NUL beside each letter.
      const lines = (rest + chunk.replaceAll("\0", "")).split(/\r?\n/);
      rest = (lines.pop() ?? "").slice(0, MAX_LINE);
      for (const line of lines.filter((it) => it.trim() !== "")) {
        this.#lastLine = line.slice(0, MAX_LINE).trim();
        this.#log.debug("The server says", { line: this.#lastLine });
        const key = hostKeyIn(this.#lastLine);
        if (key === undefined) continue;
        await this.#options.onHostKey(key);
        this.#listens = true;
      }
    }
  }

  #failure(why: string, cause: unknown): AgentError {
    const { distribution, program } = this.#options;
    const message = `Cannot start the relay server in WSL distribution "${distribution}": ${why}`;
    return new AgentError("unreachable", message, {
      cause,
      hint: `try it by hand: wsl.exe --distribution ${distribution} --exec ` +
        `${linuxPath(program)} relay-server`,
    });
  }

  #pause(ms: number): Promise<void> {
    return sleep(ms, this.#closing.signal);
  }
}

/** The host key in a line of the server's log, if it is the one that has it. */
function hostKeyIn(line: string): string | undefined {
  try {
    const { hostKey } = JSON.parse(line) as { hostKey?: unknown };
    return typeof hostKey === "string" && /^[\w@.-]+ [\w+/=]+$/.test(hostKey) ? hostKey : undefined;
  } catch {
    return undefined; // not a line of the log
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(), { once: true })
  );
}

/** The command line after `wsl.exe`; no shell is involved. Pure. */
export function wslArguments(options: WslServerOptions, ownPid: number): string[] {
  const { distribution, program, watchParent, bufferSize } = options;
  return [
    ...["--distribution", distribution, "--exec", linuxPath(program), "relay-server"],
    ...["--host", options.host, "--port", String(options.port), "--allow-socket", options.socket],
    ...options.authorizedKeys.flatMap((line) => ["--authorized-key", line]),
    ...["--stop-on-stdin-end", "--log-format", "json", "--log-level", "info"],
    ...(bufferSize === undefined ? [] : ["--buffer-size", String(bufferSize)]),
    ...(watchParent
      ? [
        "--watch-process-termination",
        ...["--parent-process-pid", String(ownPid)],
        ...["--poll-interval", `${options.pollIntervalMs}ms`],
        ...["--max-request-wait-time", `${options.maxWaitMs}ms`],
      ]
      : []),
  ];
}

/**
 * How the distribution names a file: drives are below `/mnt`, as WSL mounts them unless told
 * otherwise, and `\\wsl$\NAME\…` is the distribution's own. Pure.
 */
export function linuxPath(path: string): string {
  const drive = /^([A-Za-z]):[\\/]+(.*)$/.exec(path);
  if (drive !== null) {
    return `/mnt/${(drive[1] ?? "").toLowerCase()}/${(drive[2] ?? "").replaceAll("\\", "/")}`;
  }
  const own = /^[\\/]{2}(?:wsl\$|wsl\.localhost)[\\/][^\\/]+([\\/].*)$/i.exec(path);
  return own === null ? path : (own[1] ?? "").replaceAll("\\", "/");
}
