/** A machine for the command line to run on: no process, no files but those given. */
import { parseCommandLine } from "../../lib/cli/args.ts";
import type { StopSignal, System } from "../../lib/cli/system.ts";
import { loadSettings } from "../../lib/config/configuration.ts";
import type { Settings } from "../../lib/config/settings/settings.ts";
import { assert } from "./assert.ts";

/** What differs from an empty Linux machine with a terminal. */
export interface Machine {
  platform?: typeof Deno.build.os;
  /** `null`: not known. */
  home?: string | null;
  env?: Record<string, string>;
  cwd?: string;
  isTerminal?: boolean;
  /** Absolute path → contents; an error is thrown when the file is read. */
  files?: Record<string, string | Error>;
}

/** A {@link System} whose output and signals a test can reach. */
export interface TestSystem extends System {
  readonly stdout: () => string;
  /** Settles once something is on standard output. */
  readonly announced: Promise<void>;
  readonly stderr: () => string;
  /** Sends a signal to whoever is listening. */
  readonly signal: (name: StopSignal) => void;
  /** Reports an error that nobody caught. */
  readonly uncaught: (error: unknown) => void;
  /** How many handlers are still installed. */
  readonly handlers: () => number;
}

/** Makes a machine. */
export function testSystem(machine: Machine = {}): TestSystem {
  const { platform = "linux", home = "/home/dev", env = {}, files = {} } = machine;
  let stdout = "", stderr = "";
  const announced = Promise.withResolvers<void>();
  const signals = new Set<(signal: StopSignal) => void>();
  const errors = new Set<(error: unknown) => void>();
  const listen = <T>(to: Set<T>, handler: T) => {
    to.add(handler);
    return () => void to.delete(handler);
  };
  return {
    place: { platform, home: home ?? undefined, env },
    cwd: machine.cwd ?? "/project",
    isTerminal: machine.isTerminal ?? true,
    readFile: (path, limit) => readFrom(files, path, limit),
    isFile: (path) => Object.hasOwn(files, path),
    out: (text) => {
      stdout += text;
      announced.resolve();
    },
    err: (text) => void (stderr += text),
    openLog: () => ({ write: () => {} }),
    onSignal: (handler) => listen(signals, handler),
    onUncaught: (handler) => listen(errors, handler),
    stdout: () => stdout,
    announced: announced.promise,
    stderr: () => stderr,
    signal: (name) => signals.forEach((handler) => handler(name)),
    uncaught: (error) => errors.forEach((handler) => handler(error)),
    handlers: () => signals.size + errors.size,
  };
}

function readFrom(files: NonNullable<Machine["files"]>, path: string, limit: number) {
  const found = Object.hasOwn(files, path) ? files[path] : undefined;
  if (found instanceof Error) return Promise.reject(found);
  if (found === undefined) return Promise.reject(new Deno.errors.NotFound("No such file"));
  return Promise.resolve(new TextEncoder().encode(found).subarray(0, limit));
}

/** The settings that a command line results in; rejects as the program would. */
export async function settingsFor(args: readonly string[], machine: Machine = {}) {
  const { place, cwd, isTerminal, readFile } = testSystem(machine);
  const invocation = parseCommandLine(args, cwd);
  assert(invocation.kind === "run", `${args.join(" ")} runs nothing`);
  const { command, flags } = invocation;
  return await loadSettings({ command, flags, place, cwd, isTerminal, readFile });
}

/** Splits a command line as a POSIX shell would: continuation lines and `~/` of `home`. */
export function shellWords(line: string, home = "/home/dev"): string[] {
  return line.replaceAll("\\\n", " ").trim().split(/\s+/).map((word) =>
    word.startsWith("~/") ? home + word.slice(1) : word
  );
}

/** Settings without where they came from, for comparison. */
export function plain(
  settings: Settings,
): Omit<Settings, "origins" | "sshPassphrase" | "limits" | "ops"> {
  const { origins: _o, sshPassphrase: _p, limits: _l, ops: _q, ...rest } = settings;
  return rest;
}

/** The {@link plain} settings of a command line that names nothing but the remote host, without that. */
export const DEFAULT_SETTINGS: Readonly<Record<string, unknown>> = {
  transport: "ssh",
  mode: "http",
  listen: ["127.0.0.1:2375"],
  remoteDocker: "unix:///var/run/docker.sock",
  sshKeys: [],
  sshKnownHosts: [],
  ports: {
    address: "127.0.0.1",
    mode: "virtual",
    foreign: false,
    rules: [],
    forwards: [],
    reverse: [],
  },
  stateFolder: "/home/dev/.local/state/remote-docker-agent",
  timeoutMs: 10_000,
  reconnectWaitMs: 10_000,
  allowRemoteClients: false,
  dump: false,
  logLevel: "info",
  logFormat: "text",
  shutdownTimeoutMs: 10_000,
  warmConnections: 4,
  onDemand: false,
  sync: {
    root: "~/.remote-docker-agent/sync",
    maxBytes: 5_000_000_000,
    ignore: [],
    gitignore: false,
    mode: "two-way-safe",
  },
  binds: { rules: [], home: "/home/dev", bar: true },
};
