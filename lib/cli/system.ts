/**
 * What the command line needs from the machine, as one interface: tests hand in their own, the
 * program the real one. Nothing else in `cli/` touches the process.
 */
import { fileURLToPath } from "node:url";
import type { Place } from "../config/paths.ts";
import { AgentError } from "../errors.ts";
import { systemReason } from "../system/system_reason.ts";
import { homeDirectory } from "../system/home_directory.ts";
import { readBeginning } from "../system/small_file.ts";
import { leaveLauncher } from "./launcher.ts";
import { LogFile } from "./log_file.ts";
import { RUNTIME_FLAGS } from "./runtime.ts";

/** See the file comment. */
export interface System {
  readonly place: Place;
  readonly cwd: string;
  /** Whether standard error, where messages go, is a terminal. */
  readonly isTerminal: boolean;
  /** Whether standard output is one. Default: no. */
  readonly outIsTerminal?: boolean;
  /** How this program is started again: the executable and the first arguments, if known. */
  readonly program?: readonly string[];
  /** Up to `limit` bytes from the beginning of a file; rejects as `readBeginning` does. */
  readFile(path: string, limit: number): Promise<Uint8Array>;
  /** Whether a file is there. */
  isFile(path: string): boolean;
  /** Writes to standard output. Throws `AgentError` of kind `output` where that cannot be done. */
  out(text: string): void;
  /** Writes to standard error, where nobody need be. */
  err(text: string): void;
  /** A file for the log. Throws `AgentError` of kind `config` where it cannot be written. */
  openLog(path: string): LogWriter;
  /** Calls `handler` for every request to end; the result stops that. */
  onSignal(handler: (signal: StopSignal) => void): () => void;
  /** Calls `handler` with errors that nobody caught; the result stops that. */
  onUncaught(handler: (error: unknown) => void): () => void;
}

/** Takes finished lines, without the newline. */
export interface LogWriter {
  /** Throws what the system says. */
  write(line: string): void;
}

/** The signals that ask the program to end, with their numbers. */
export const STOP_SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15, SIGBREAK: 21 } as const;
export type StopSignal = keyof typeof STOP_SIGNALS;

/** The process we are. Throws `AgentError` if the working directory is gone. */
export function denoSystem(): System {
  const windows = Deno.build.os === "windows";
  const launcher = leaveLauncher(Deno.env);
  const env = environment(windows);
  return {
    place: {
      platform: Deno.build.os,
      home: homeDirectory(env[windows ? "USERPROFILE" : "HOME"]),
      env,
    },
    cwd: workingDirectory(),
    isTerminal: Deno.stderr.isTerminal(),
    outIsTerminal: Deno.stdout.isTerminal(),
    program: ownProgram(launcher),
    readFile: readBeginning,
    isFile,
    out: writeOut,
    err: writeErr,
    openLog: (path) => new LogFile(path),
    onSignal: (handler) => onSignal(handler, windows),
    onUncaught,
  };
}

function ownProgram(launcher: string | undefined): string[] {
  if (launcher !== undefined) return [launcher];
  if (Deno.build.standalone) return [Deno.execPath()];
  const main = fileURLToPath(Deno.mainModule);
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  return [
    Deno.execPath(),
    "run",
    "--quiet",
    "--allow-all",
    ...RUNTIME_FLAGS,
    "--config",
    config,
    main,
  ];
}

function workingDirectory(): string {
  try {
    return Deno.cwd();
  } catch (cause) {
    throw new AgentError("usage", "Cannot find the working directory", {
      cause,
      hint: "change to a directory that exists",
    });
  }
}

/** The names of variables do not differ by case on Windows. */
function environment(windows: boolean): Record<string, string> {
  const env = Deno.env.toObject();
  if (!windows) return env;
  return Object.fromEntries(Object.entries(env).map(([name, text]) => [name.toUpperCase(), text]));
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    // Not there, or not for us to see.
    return false;
  }
}

function writeOut(text: string): void {
  try {
    writeAll(Deno.stdout, text);
  } catch (cause) {
    throw new AgentError("output", `Cannot write to standard output: ${systemReason(cause)}`, {
      cause,
      hint: "make room there, or write elsewhere",
    });
  }
}

function writeErr(text: string): void {
  try {
    writeAll(Deno.stderr, text);
  } catch {
    // There is nobody left to tell.
  }
}

function writeAll(stream: typeof Deno.stdout, text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += stream.writeSync(bytes.subarray(at));
}

/**
 * On Windows SIGHUP tells that the window is being closed, or the user signs out, and leaves some
 * seconds to end; elsewhere it may as well ask for a reload.
 */
function onSignal(handler: (signal: StopSignal) => void, windows: boolean): () => void {
  const names: StopSignal[] = ["SIGINT", windows ? "SIGBREAK" : "SIGTERM", "SIGHUP"];
  const removals = names.map((name) => {
    const listener = () => handler(windows && name === "SIGHUP" ? "SIGTERM" : name);
    Deno.addSignalListener(name, listener);
    return () => Deno.removeSignalListener(name, listener);
  });
  return () => removals.forEach((remove) => remove());
}

function onUncaught(handler: (error: unknown) => void): () => void {
  const rejected = (event: PromiseRejectionEvent) => {
    event.preventDefault();
    handler(event.reason);
  };
  const thrown = (event: ErrorEvent) => {
    event.preventDefault();
    handler(event.error);
  };
  globalThis.addEventListener("unhandledrejection", rejected);
  globalThis.addEventListener("error", thrown);
  return () => {
    globalThis.removeEventListener("unhandledrejection", rejected);
    globalThis.removeEventListener("error", thrown);
  };
}
