/**
 * The relay's commands as child processes: a user's home with keys in it, an HTTP server on a Unix
 * socket in the place of the engine, `relay-server` in front of it, and a `wsl.exe` that runs what it
 * is told on this machine. Whoever opens a {@link RelayHome} disposes of it and of what it started.
 */
import { spawnAgent } from "./agent.ts";
import type { Child } from "./child.ts";
import { freePort } from "./free_ports.ts";
import { programLine } from "./program.ts";
import { until } from "./poll.ts";
import { request } from "./raw_http.ts";
import { SKIPPED_BECAUSE } from "./e2e.ts";

/** Why the relay's programs cannot be tested here, or `undefined` where they can. */
function obstacle(): string | undefined {
  if (Deno.build.os === "windows") return "needs Unix sockets and OpenSSH";
  const { success } = new Deno.Command("sh", { args: ["-c", "command -v ssh"], stdout: "null" })
    .outputSync();
  return success ? undefined : "needs the OpenSSH client";
}

/** Registers a test that gets a home of its own. */
export function relayTest(name: string, body: (home: RelayHome) => Promise<void>): void {
  const reason = obstacle();
  if (reason !== undefined) {
    Deno.test.ignore(`${name}${SKIPPED_BECAUSE}${reason}]`, () => {});
    return;
  }
  Deno.test(name, async () => {
    await using home = await RelayHome.open();
    await body(home);
  });
}

/** See the file comment. */
export class RelayHome implements AsyncDisposable {
  readonly directory: string;
  readonly key: string;
  /** Where the stand-in for the engine listens. */
  readonly engineSocket: string;
  readonly #engine: Deno.HttpServer;
  readonly #children: Child[] = [];

  private constructor(directory: string) {
    this.directory = directory;
    this.key = `${directory}/.ssh/id_ed25519`;
    this.engineSocket = `${directory}/engine.sock`;
    this.#engine = Deno.serve({ path: this.engineSocket, onListen: () => {} }, answer);
  }

  /** Makes a home, with keys made by the program itself. */
  static async open(): Promise<RelayHome> {
    const home = new RelayHome(await Deno.makeTempDir({ prefix: "rda-relay-" }));
    const keygen = home.spawn(["keygen"]);
    const code = await keygen.wait();
    if (code !== 0) throw new Error(`keygen ends with ${code}: ${keygen.output}`);
    return home;
  }

  /** Runs the program as this home's user. */
  spawn(args: readonly string[], env: Record<string, string> = {}): Child {
    const child = spawnAgent(args, { HOME: this.directory, ...env });
    this.#children.push(child);
    return child;
  }

  /** Adds a process to those that end with this home. */
  own(child: Child): Child {
    this.#children.push(child);
    return child;
  }

  /** Starts `relay-server` on a free port and waits until it listens. */
  async server(args: readonly string[] = []): Promise<{ child: Child; port: number }> {
    const sockets = ["--allow-socket", this.engineSocket];
    const child = this.spawn(["relay-server", "--port", "0", ...sockets, ...args]);
    const found = await child.waitFor(/Listening on ssh:\/\/127\.0\.0\.1:(\d+)/);
    return { child, port: Number(found[1]) };
  }

  /** Starts `relay` on a Unix socket of this home and waits until it is connected. */
  async relay(
    args: readonly string[],
    env: Record<string, string> = {},
  ): Promise<{ child: Child; socket: string }> {
    const socket = `${this.directory}/relay-${crypto.randomUUID().slice(0, 8)}.sock`;
    const child = this.spawn([
      ...["relay", "--named-pipe", `unix://${socket}`, "--identity-path", this.key],
      ...["--remote-docker", `unix://${this.engineSocket}`, ...args],
    ], env);
    await child.waitFor(/export DOCKER_HOST=/);
    return { child, socket };
  }

  /** Options of ssh(1) for this home's user. */
  sshOptions(port: number): string[] {
    return [
      ...["-F", "none", "-p", String(port), "-i", this.key, "-o", "IdentitiesOnly=yes"],
      ...["-o", "StrictHostKeyChecking=no", "-o", `UserKnownHostsFile=${this.directory}/known`],
      ...["-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes", "-o", "ControlPath=none"],
      ...["-o", "LogLevel=INFO"],
    ];
  }

  /**
   * Puts a `wsl.exe` in a directory of its own, which belongs first in PATH. It takes the words the
   * real one takes here and runs the program as a Linux process; what it is given is kept in a file.
   */
  async fakeWsl(): Promise<FakeWsl> {
    const bin = `${this.directory}/bin`;
    const record = `${this.directory}/wsl-arguments`;
    const program = `${this.directory}/relay-linux`;
    await Deno.mkdir(bin, { recursive: true });
    await writeScript(
      `${bin}/wsl.exe`,
      `printf '%s\\n' "$@" > '${record}'\n` +
        `[ "$1" = --distribution ] && [ "$3" = --exec ] || { echo "bad words: $*" >&2; exit 64; }\n` +
        `[ "$2" = Ubuntu ] || { echo "There is no distribution with the supplied name." >&2; exit 1; }\n` +
        `shift 3\nexec "$@"\n`,
    );
    await writeScript(program, `exec ${programLine()} "$@"\n`);
    const path = `${bin}:${Deno.env.get("PATH") ?? "/usr/bin:/bin"}`;
    return { program, record, env: { PATH: path }, port: freePort() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of this.#children.reverse()) await child[Symbol.asyncDispose]();
    await this.#engine.shutdown();
    await Deno.remove(this.directory, { recursive: true });
  }
}

/** A `wsl.exe` that is a shell script; see {@link RelayHome.fakeWsl}. */
export interface FakeWsl {
  /** The program it can run. */
  readonly program: string;
  /** A file with the words of its last call, one a line. */
  readonly record: string;
  readonly env: Record<string, string>;
  readonly port: number;
}

async function writeScript(path: string, body: string): Promise<void> {
  await Deno.writeTextFile(path, `#!/bin/sh\n${body}`, { mode: 0o755 });
}

/** The engine's stand-in: `/_ping` as the engine does it, an echo for everything else. */
function answer(incoming: Request): Response {
  if (new URL(incoming.url).pathname === "/_ping") return new Response("OK");
  return new Response(incoming.body);
}

/** Waits until `GET /_ping` on a socket is answered with OK. */
export function untilPing(socket: string): Promise<true> {
  return until("the engine answers through the relay", async () => {
    const { status, body } = await request(socket, "GET /_ping", { timeoutMs: 20_000 });
    return status === 200 && body.includes("OK") ? true : undefined;
  });
}

/** Whether a process is there and not just its remains. */
export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false; // no such process
  }
}
