/**
 * Child processes for tests: `runCommand` runs one to its end, `Child` watches one that goes on.
 * Both have a deadline, so that a hanging peer fails one test and not the run. Whoever spawns a
 * `Child` owns it and ends it with `stop` or `await using`.
 *
 * What a process has written is in a pipe until somebody reads it. So all of its output can be had
 * only once it has ended; before that there is `waitFor`, and `soFar`, which may lack anything that
 * nobody has waited for.
 */

/** What a finished process left behind. */
export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

/** What a process has said up to a moment; see the file comment. */
export interface Said {
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output and standard error, one after the other. */
  readonly output: string;
  /** The lines of {@link output} that have ended, without their ends. */
  readonly lines: readonly string[];
}

/** Options common to both. */
export interface CommandOptions {
  /** The whole environment of the process; nothing is inherited. Default: inherit everything. */
  env?: Record<string, string>;
  /** Default {@link DEFAULT_TIMEOUT_MS}. */
  timeoutMs?: number;
  cwd?: string;
}

/** Options of {@link runCommand}. */
export interface RunOptions extends CommandOptions {
  /** Fed to the process, then end of file. Default: no standard input (`/dev/null`). */
  stdin?: string | Uint8Array;
}

/** For a slow machine with other work to do: who waits this long waits for what does not come. */
const DEFAULT_TIMEOUT_MS = 120_000;
/** How long a process may take to end in order where that is what a test looks at. */
const STOP_GRACE_MS = 60_000;
/** And where the test is over: some take a signal for somebody else's, and have to be killed. */
const DISPOSE_GRACE_MS = 8_000;

/** Runs a command to its end. Throws when it outlives its deadline (it is killed first). */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const process = new Deno.Command(command, {
    args: [...args],
    ...environment(options),
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let late = false;
  const timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const timer = setTimeout(() => {
    late = true;
    kill(process, "SIGKILL");
  }, timeoutMs);
  try {
    const feeding = options.stdin === undefined ? undefined : feed(process, options.stdin);
    const output = await process.output();
    await feeding;
    const stdout = new TextDecoder().decode(output.stdout);
    const stderr = new TextDecoder().decode(output.stderr);
    if (late) {
      throw new Error(
        `"${command} ${args.join(" ")}" does not end within ${timeoutMs} ms\n${stdout}${stderr}`,
      );
    }
    return { code: output.code, stdout, stderr };
  } finally {
    clearTimeout(timer);
  }
}

/** As {@link runCommand}; throws unless the exit code is 0. Returns standard output. */
export async function runOk(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(command, args, options);
  if (code === 0) return stdout;
  throw new Error(`"${command} ${args.join(" ")}" ends with ${code}: ${stderr.trim() || stdout}`);
}

/** A running process whose output can be waited for. */
export class Child implements AsyncDisposable {
  readonly #process: Deno.ChildProcess;
  readonly #name: string;
  readonly #stdin: WritableStreamDefaultWriter<Uint8Array>;
  readonly #pumps: Promise<void>[];
  readonly #exit: Promise<number>;
  readonly #watchers = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #exitCode: number | undefined;
  #stdinOpen = true;

  constructor(command: string, args: readonly string[], options: CommandOptions = {}) {
    this.#name = [command, ...args].join(" ");
    this.#process = new Deno.Command(command, {
      args: [...args],
      ...environment(options),
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdin = this.#process.stdin.getWriter();
    this.#stdin.closed.catch(() => {}); // a broken pipe is reported by write()
    this.#pumps = [
      this.#pump(this.#process.stdout, (text) => this.#stdout += text),
      this.#pump(this.#process.stderr, (text) => this.#stderr += text),
    ];
    this.#exit = this.#watchExit();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** All of its standard output. Throws while it runs. */
  get stdout(): string {
    return this.#all().stdout;
  }

  /** All of its standard error. Throws while it runs. */
  get stderr(): string {
    return this.#all().stderr;
  }

  /** Standard output and standard error, one after the other. Throws while it runs. */
  get output(): string {
    return this.#all().output;
  }

  /**
   * What has been read of its output: for a look that is repeated, for what comes before a line that
   * was waited for, and for the message of a failure.
   */
  get soFar(): Said {
    const [stdout, stderr] = [this.#stdout, this.#stderr];
    return {
      stdout,
      stderr,
      output: stdout + stderr,
      lines: [stdout, stderr].flatMap((text) => text.split("\n").slice(0, -1)),
    };
  }

  /** The exit code, once there is one (signals: 128 + number). */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  async write(text: string): Promise<void> {
    await this.#stdin.write(new TextEncoder().encode(text));
  }

  async closeStdin(): Promise<void> {
    if (!this.#stdinOpen) return;
    this.#stdinOpen = false;
    await this.#stdin.close().catch(() => {}); // the process may be gone: nothing to tell it
  }

  /** Waits until the output matches. Throws at the deadline or when the process ends without. */
  async waitFor(pattern: RegExp, timeoutMs = DEFAULT_TIMEOUT_MS): Promise<RegExpMatchArray> {
    let found: RegExpMatchArray | null = null;
    const ended = await this.#until(() => {
      found = this.soFar.output.match(pattern);
      return found !== null;
    }, timeoutMs);
    if (found !== null) return found;
    const why = ended ? `ended with ${this.#exitCode}` : `said nothing within ${timeoutMs} ms`;
    throw new Error(`"${this.#name}" ${why}; expected ${pattern} in:\n${this.soFar.output}`);
  }

  /** Waits for the end. Throws at the deadline. */
  async wait(timeoutMs = DEFAULT_TIMEOUT_MS): Promise<number> {
    await this.#until(() => this.#exitCode !== undefined, timeoutMs);
    if (this.#exitCode !== undefined) return await this.#exit;
    throw new Error(
      `"${this.#name}" does not end within ${timeoutMs} ms; it said:\n${this.soFar.output}`,
    );
  }

  kill(signal: Deno.Signal): void {
    kill(this.#process, signal);
  }

  /** Ends the process if it still runs: SIGTERM, then SIGKILL after `graceMs`. */
  async stop(graceMs = STOP_GRACE_MS): Promise<number> {
    this.kill("SIGTERM");
    await this.closeStdin();
    await this.#until(() => this.#exitCode !== undefined, graceMs);
    this.kill("SIGKILL");
    return await this.#exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop(DISPOSE_GRACE_MS);
  }

  #all(): Said {
    if (this.#exitCode !== undefined) return this.soFar;
    throw new Error(
      `"${this.#name}" still runs: wait for its end, or for what it is to say (waitFor); ` +
        "soFar is what has been read",
    );
  }

  async #pump(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      add(text);
      this.#notify();
    }
  }

  async #watchExit(): Promise<number> {
    const [status] = await Promise.all([this.#process.status, ...this.#pumps]);
    await this.closeStdin();
    this.#exitCode = status.code;
    this.#notify();
    return status.code;
  }

  #notify(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Resolves when `done()` holds, the process has ended (true) or the time is over (false). */
  #until(done: () => boolean, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (ended: boolean) => {
        clearTimeout(timer);
        this.#watchers.delete(check);
        resolve(ended);
      };
      const check = () => {
        if (done()) finish(false);
        else if (this.#exitCode !== undefined) finish(true);
      };
      const timer = setTimeout(() => finish(false), timeoutMs);
      this.#watchers.add(check);
      check();
    });
  }
}

function environment(options: CommandOptions) {
  return {
    ...(options.env === undefined ? {} : { clearEnv: true, env: options.env }),
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
  };
}

async function feed(process: Deno.ChildProcess, input: string | Uint8Array): Promise<void> {
  const writer = process.stdin.getWriter();
  try {
    await writer.write(typeof input === "string" ? new TextEncoder().encode(input) : input);
    await writer.close();
  } catch {
    // The process ended without reading all of its input, as it may.
  }
}

function kill(process: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    process.kill(signal);
  } catch {
    // It has ended by itself.
  }
}
