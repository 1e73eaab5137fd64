/**
 * The program under test as a child process in front of the rig: on a fresh Unix socket and a free
 * TCP port, with its log kept for the failure message. `RDA_E2E_PEER=ssh` puts OpenSSH's own
 * forwarding in its place: what fails there too is the test's fault, not the program's.
 */
import { Child, type Said } from "./child.ts";
import { type CliName, DockerCli } from "./docker_cli.ts";
import { freePort } from "./free_ports.ts";
import { until } from "./poll.ts";
import { cacheVariables, programCommand } from "./program.ts";
import { request } from "./raw_http.ts";
import type { Rig } from "./rig.ts";
import { currentWay } from "./way.ts";

const READY_TIMEOUT_MS = 120_000;

/** Whether OpenSSH stands in for the program. */
export function peerIsSsh(): boolean {
  return Deno.env.get("RDA_E2E_PEER") === "ssh";
}

/**
 * The flags that lead to the rig's engine, and `flags`, which replace or add and may lead there by
 * another way; listeners are added by {@link startAgent}.
 */
export function rigFlags(rig: Rig, flags: Record<string, string> = {}): Record<string, string> {
  const isElsewhere = "ts-server" in flags || "mtls-endpoint" in flags;
  return {
    ...currentWay()?.flags ?? (isElsewhere ? {} : sshFlags(rig)),
    "remote-docker": `unix://${rig.dockerSocket}`,
    "log-level": "debug",
    "timeout": "10s",
    "reconnect-wait": "30s",
    "shutdown-timeout": "5s",
    ...flags,
  };
}

function sshFlags(rig: Rig): Record<string, string> {
  return {
    "ssh-host": `${rig.address}:${rig.port}`,
    "ssh-user": rig.user,
    "ssh-key": rig.key,
    "ssh-known-hosts": rig.knownHosts,
    "ssh-config": "none",
  };
}

/** `{a: "b", c: ""}` as `["--a=b", "--c"]`. */
export function flagList(flags: Record<string, string>): string[] {
  return Object.entries(flags).map(([name, value]) =>
    value === "" ? `--${name}` : `--${name}=${value}`
  );
}

/** Spawns the program with any command line, as a user's shell would; nothing is waited for. */
export function spawnAgent(args: readonly string[], vars: Record<string, string> = {}): Child {
  const env = { ...cleanEnvironment(), ...vars };
  const [program, ...first] = programCommand();
  return new Child(program, [...first, ...args], { env });
}

/** A running agent. The caller ends it with `stop` or `await using`. */
export class Agent implements AsyncDisposable {
  readonly #child: Child;
  readonly #directory: string;
  readonly socket: string;
  readonly port: number;

  constructor(child: Child, directory: string, socket: string, port: number) {
    this.#child = child;
    this.#directory = directory;
    this.socket = socket;
    this.port = port;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** Its `XDG_RUNTIME_DIR`, for `status` to find it and nothing else. */
  get runtimeDirectory(): string {
    return this.#directory;
  }

  /** All of its log. Throws while it runs. */
  get log(): string {
    return this.#child.output;
  }

  /** What has been read of its log; see {@link Child.soFar}. */
  get logSoFar(): Said {
    return this.#child.soFar;
  }

  /** The docker CLI in front of this agent; over TCP if asked to. */
  docker(cli: CliName, over: "unix" | "tcp" = "unix"): Promise<DockerCli> {
    const host = over === "unix" ? `unix://${this.socket}` : `tcp://127.0.0.1:${this.port}`;
    return DockerCli.open(cli, host);
  }

  /** Resident memory in bytes. */
  async rss(): Promise<number> {
    const status = await Deno.readTextFile(`/proc/${this.pid}/status`);
    return Number(status.match(/^VmRSS:\s+(\d+) kB/m)?.[1] ?? NaN) * 1024;
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** Waits until the log matches. */
  waitForLog(pattern: RegExp, timeoutMs?: number): Promise<RegExpMatchArray> {
    return this.#child.waitFor(pattern, timeoutMs);
  }

  /**
   * Everything it has logged until now, for what must not be in there, or not twice: a request of our
   * own is asked, and its line waited for. Its log level has to be that of {@link rigFlags} or below.
   */
  async logUntilNow(): Promise<Said> {
    const mark = crypto.randomUUID();
    await request(this.socket, `GET /mark-${mark}`);
    await this.waitForLog(new RegExp(`${mark}.*\\n`));
    return this.logSoFar;
  }

  /** Waits for the end; returns the exit code. */
  wait(timeoutMs?: number): Promise<number> {
    return this.#child.wait(timeoutMs);
  }

  /** Ends the process; returns the exit code. */
  async stop(): Promise<number> {
    const code = await this.#child.stop();
    await Deno.remove(this.#directory, { recursive: true }).catch(() => {}); // stopped twice
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/**
 * Starts an agent in front of the rig and waits until it answers. `flags` and `vars` replace or add.
 */
export async function startAgent(
  rig: Rig,
  flags: Record<string, string> = {},
  vars: Record<string, string> = {},
): Promise<Agent> {
  const directory = await Deno.makeTempDir({ prefix: "rda-agent-" });
  const socket = `${directory}/docker.sock`;
  const port = freePort();
  const child = peerIsSsh() ? spawnSsh(rig, socket, port) : spawnAgent([
    "start",
    ...flagList(rigFlags(rig, flags)),
    ...["--listen", `unix://${socket}`, "--listen", `127.0.0.1:${port}`],
  ], { XDG_RUNTIME_DIR: directory, ...vars });
  const agent = new Agent(child, directory, socket, port);
  try {
    await until("the agent answers", () => answers(agent, child), { timeoutMs: READY_TIMEOUT_MS });
    if (child.exitCode !== undefined) throw new Error(`It ended with ${child.exitCode}`);
    return agent;
  } catch (error) {
    await agent.stop();
    throw new Error(`The agent does not start; its log:\n${agent.logSoFar.output}`, {
      cause: error,
    });
  }
}

/** Also true once the process has ended: nothing more to wait for. */
async function answers(agent: Agent, child: Child): Promise<boolean> {
  if (child.exitCode !== undefined) return true;
  const response = await request(agent.socket, "GET /_ping");
  return response.status === 200;
}

/**
 * A fresh user's environment: no `RDA_*`, no SSH agent, a state directory that all tests share; the
 * caches, Deno's and that of the portable file, stay where they are.
 */
export function cleanEnvironment(): Record<string, string> {
  return {
    PATH: Deno.env.get("PATH") ?? "/usr/bin:/bin",
    HOME: Deno.env.get("HOME") ?? "/",
    ...cacheVariables(),
    XDG_STATE_HOME: `${Deno.env.get("TMPDIR") ?? "/tmp"}/rda-e2e-state`,
    NO_COLOR: "1",
  };
}

function spawnSsh(rig: Rig, socket: string, port: number): Child {
  const target = rig.dockerSocket;
  const forwards = ["-L", `${socket}:${target}`, "-L", `127.0.0.1:${port}:${target}`];
  const options = ["-o", "ExitOnForwardFailure=yes", "-o", "ControlPath=none"];
  return new Child("ssh", ["-F", rig.sshConfig, "-N", ...options, ...forwards, rig.address]);
}
