/** A guest within the test's own process, on a port of this machine, and ways to talk to it. */
import { type Guest, type GuestOptions, startGuest } from "../../lib/guest/guest.ts";
import { GUEST_LIMITS, type GuestLimits } from "../../lib/guest/limits.ts";
import { denoConnDuplex } from "../../lib/net/deno_conn.ts";
import type { Duplex } from "../../lib/net/duplex.ts";
import {
  execOverGuest,
  type GuestCommand,
  type GuestProcess,
} from "../../lib/transport/guest/exec.ts";
import { readAll, say, text } from "./duplex.ts";
import { collectLog, type LogLine } from "./log.ts";

/** What a test changes about a guest. */
export interface GuestSetup extends Partial<Omit<GuestOptions, "limits" | "log">> {
  limits?: Partial<GuestLimits>;
}

/** A guest that runs, with a scratch directory below which it takes files. */
export interface TestGuest {
  readonly guest: Guest;
  readonly port: number;
  readonly directory: string;
  /** Lines of its log: level, message and fields. */
  readonly lines: LogLine[];
  /** A connection; the test closes it. */
  dial(): Promise<Duplex>;
  /** Sends these bytes and returns all that comes until the guest closes. */
  send(text: string): Promise<string>;
  /** A request with `Connection: close`. */
  ask(line: string, headers?: readonly string[], body?: string): Promise<string>;
  /** Starts a command. */
  exec(command: Omit<GuestCommand, "host">): Promise<GuestProcess>;
}

/** Runs `body` with a guest that is gone afterwards, as is everything that ran for it. */
export async function withGuest(
  setup: GuestSetup,
  body: (guest: TestGuest) => Promise<void>,
): Promise<void> {
  const directory = await Deno.realPath(await Deno.makeTempDir({ prefix: "rda-guest-" }));
  const { log, lines } = collectLog();
  const guest = await startGuest({
    listen: [{ kind: "tcp", host: "127.0.0.1", port: 0 }],
    allowedNames: [],
    allowAnonymous: false,
    copyRoots: [directory],
    allowTunnels: ["*"],
    allowListen: ["tcp:127.0.0.1:*", "tcp:[::1]:*"],
    ...setup,
    limits: { ...GUEST_LIMITS, graceMs: 300, ...setup.limits },
    log,
  });
  try {
    await body(describe(guest, directory, lines));
  } finally {
    await guest.shutdown(0);
    await Deno.remove(directory, { recursive: true });
  }
}

function describe(guest: Guest, directory: string, lines: TestGuest["lines"]): TestGuest {
  const port = Number(/:(\d+)$/.exec(guest.addresses[0] ?? "")?.[1]);
  const dial = async () => denoConnDuplex(await Deno.connect({ hostname: "127.0.0.1", port }));
  const send = async (text: string) => {
    const duplex = await dial();
    try {
      await say(duplex, text);
      return await readAll(duplex);
    } finally {
      duplex.close();
    }
  };
  return {
    guest,
    port,
    directory,
    lines,
    dial,
    send,
    ask(line, headers = [], content = "") {
      const length = content === ""
        ? []
        : [`Content-Length: ${new TextEncoder().encode(content).length}`];
      const head = [
        `${line} HTTP/1.1`,
        "Host: localhost",
        "Connection: close",
        ...length,
        ...headers,
      ];
      return send(`${head.join("\r\n")}\r\n\r\n${content}`);
    },
    exec: async (command) => await execOverGuest(await dial(), { ...command, host: "localhost" }),
  };
}

/** Whether a process is there and not merely waiting to be reaped. */
export function isRunning(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return !/^[ZX]/.test(stat.slice(stat.lastIndexOf(")") + 2));
  } catch {
    return false;
  }
}

/** What a finished command left behind. */
export interface Result {
  stdout: string;
  stderr: string;
  exit: Awaited<GuestProcess["exit"]>;
}

/** Runs a command of the guest to its end. */
export async function runOver(
  guest: TestGuest,
  command: Omit<GuestCommand, "host">,
  input?: string,
): Promise<Result> {
  let stderr = "";
  const process = await guest.exec({
    ...command,
    onStderr: (chunk) => void (stderr += text(chunk)),
  });
  if (input !== undefined) await say(process.stdio, input);
  await process.stdio.closeWrite();
  const stdout = await readAll(process.stdio);
  return { stdout, stderr, exit: await process.exit };
}

/** A command that is a script for the POSIX shell. */
export function script(line: string): Omit<GuestCommand, "host"> {
  return { command: "sh", args: ["-c", line] };
}

/** Whether no byte has come for a while: everything between the two is full. */
export async function feedingStalls(guest: TestGuest): Promise<boolean> {
  const queued = async () => {
    const { stdout } = await new Deno.Command("ss", { args: ["-tnH", `sport = :${guest.port}`] })
      .output();
    return new TextDecoder().decode(stdout);
  };
  const before = await queued();
  await new Promise((resolve) => setTimeout(resolve, 100));
  return before !== "" && before === await queued();
}
