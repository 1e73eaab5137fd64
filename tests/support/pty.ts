/**
 * A terminal for a command, made by util-linux's `script`: the command gets a pseudo-terminal, the
 * test writes keys to it, reads what it shows, and changes its size.
 */
import { Child, type CommandOptions, runOk } from "./child.ts";
import { until } from "./poll.ts";

/** A command that runs on a terminal of its own. The caller ends it with `stop` or `await using`. */
export class Pty implements AsyncDisposable {
  readonly #child: Child;
  readonly #scratch: string;

  private constructor(child: Child, scratch: string) {
    this.#child = child;
    this.#scratch = scratch;
  }

  /** Starts a command on a terminal of 24 rows and 80 columns, without echo until it says so. */
  static async open(command: readonly string[], options: CommandOptions = {}): Promise<Pty> {
    const scratch = await Deno.makeTempDir({ prefix: "rda-pty-" });
    const quoted = command.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    const line = `stty rows 24 cols 80; tty >'${scratch}/tty'; exec ${quoted}`;
    const child = new Child("script", ["-qefc", line, "/dev/null"], {
      ...options,
      env: { ...(options.env ?? Deno.env.toObject()), SHELL: "/bin/sh" },
    });
    return new Pty(child, scratch);
  }

  /** Everything the terminal has shown. Throws while the command runs. */
  get screen(): string {
    return this.#child.stdout;
  }

  /** What has been read of it; see {@link Child.soFar}. */
  get screenSoFar(): string {
    return this.#child.soFar.stdout;
  }

  get exitCode(): number | undefined {
    return this.#child.exitCode;
  }

  /** Types keys, as a person would. */
  type(keys: string): Promise<void> {
    return this.#child.write(keys);
  }

  /** Waits until the terminal shows the pattern. */
  waitFor(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray> {
    return this.#child.waitFor(pattern, timeoutMs);
  }

  /** Changes the size of the terminal; the kernel then sends SIGWINCH to the command. */
  async resize(rows: number, columns: number): Promise<void> {
    const path = await until("the terminal has a name", async () => {
      const name = (await Deno.readTextFile(`${this.#scratch}/tty`)).trim();
      return name === "" ? undefined : name;
    });
    await runOk("stty", ["-F", path, "rows", String(rows), "cols", String(columns)]);
  }

  /** Waits for the end; returns the exit code of the command. */
  wait(timeoutMs?: number): Promise<number> {
    return this.#child.wait(timeoutMs);
  }

  async stop(): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await Deno.remove(this.#scratch, { recursive: true }).catch(() => {}); // stopped twice
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
