/**
 * `host-exec/command`: runs a command for a client and joins the two. Every process of the command
 * ends with the connection, whoever ends that.
 */
import { messageOf } from "../../errors.ts";
import { collect } from "../../http/message.ts";
import type { Duplex } from "../../net/duplex.ts";
import { sleep } from "../../system/sleep.ts";
import { type ExitReport, FRAMED_HEADER, FRAMED_V1 } from "../../transport/guest/exec_frames.ts";
import { type ExecRequest, MAX_REQUEST_BYTES, parseExecRequest } from "./request.ts";
import { relayFramed } from "./framed_stream.ts";
import { relayPlain } from "./plain_stream.ts";
import type { Exchange, Handler } from "../exchange.ts";
import { type GuestLimits, Places } from "../limits.ts";
import { spawnOnTerminal } from "./on_terminal.ts";
import { spawnPlain } from "./on_pipes.ts";
import { type Account, findProgram } from "./program.ts";
import { refuse } from "../reply.ts";
import { endSession, isGroupGone, killSession, signalGroup } from "./session.ts";
import type { Spawned } from "./spawned.ts";
import type { Terminals } from "./terminal.ts";

/** What commands need. */
export interface CommandsOptions {
  readonly limits: GuestLimits;
  readonly account: Account;
  /** Absent where there are none. */
  readonly terminals: Terminals | undefined;
}

/** The commands of one guest. Owns their processes. */
export class Commands {
  readonly #options: CommandsOptions;
  readonly #places: Places;
  readonly #terminalPlaces: Places;
  readonly #running = new Set<Spawned>();

  constructor(options: CommandsOptions) {
    this.#options = options;
    this.#places = new Places(options.limits.maxCommands, "places for commands");
    this.#terminalPlaces = new Places(options.limits.maxTerminals, "terminals");
  }

  /** How many commands have processes that live. */
  get running(): number {
    return this.#running.size;
  }

  /** Answers requests for a command. */
  readonly handle: Handler = async (exchange) => {
    if (this.#options.limits.maxCommands === 0) throw refuse(403, "this guest runs no commands");
    const framed = exchange.head.headers.get(FRAMED_HEADER) === FRAMED_V1;
    if (!exchange.head.headers.hasToken("Upgrade", "tcp")) {
      throw refuse(426, "ask for an upgrade: Connection: Upgrade, Upgrade: tcp");
    }
    const request = parseExecRequest(await readBody(exchange, this.#options.limits), framed);
    exchange.note({ command: request.shell ? "(script)" : request.command });
    await this.#withPlace(request, () => this.#run(exchange, request, framed));
    return undefined;
  };

  async #withPlace(request: ExecRequest, body: () => Promise<void>): Promise<void> {
    const leave = this.#places.take();
    if (leave === undefined) throw refuse(503, this.#places.refusal);
    const leaveTerminal = request.tty === undefined ? () => {} : this.#terminalPlaces.take();
    try {
      if (leaveTerminal === undefined) throw refuse(503, this.#terminalPlaces.refusal);
      await body();
    } finally {
      leave();
      leaveTerminal?.();
    }
  }

  async #run(exchange: Exchange, request: ExecRequest, framed: boolean): Promise<void> {
    const { limits } = this.#options;
    const spawned = await this.#start(request, framed);
    this.#running.add(spawned);
    let stream: Duplex | undefined;
    let orderly = false;
    const cut = () => stream?.close();
    exchange.stopped.addEventListener("abort", cut, { once: true });
    const ask = () => signalGroup(spawned.pid, request.tty === undefined ? "SIGTERM" : "SIGHUP");
    exchange.draining.addEventListener("abort", ask, { once: true });
    try {
      stream = await exchange.upgrade(framed ? [[FRAMED_HEADER, FRAMED_V1]] : []);
      if (exchange.draining.aborted) ask();
      if (exchange.stopped.aborted) cut();
      const onExit = (report: ExitReport) => {
        orderly = true;
        exchange.note(summary(report));
      };
      if (framed) await relayFramed(stream, spawned, limits, onExit);
      else await relayPlain(stream, spawned, onExit);
    } finally {
      exchange.draining.removeEventListener("abort", ask);
      exchange.stopped.removeEventListener("abort", cut);
      stream?.close();
      // A command that ended by itself has hardly ever left more than its group.
      const isOver = orderly && request.tty === undefined && isGroupGone(spawned.pid);
      if (!isOver) await endSession(spawned.pid, limits.graceMs);
      await spawned.close();
      await spawned.exit;
      this.#running.delete(spawned);
    }
  }

  async #start(request: ExecRequest, framed: boolean): Promise<Spawned> {
    const { account, terminals } = this.#options;
    const program = await findProgram(request, account);
    if (request.tty === undefined) return spawnPlain(program, !framed);
    if (terminals === undefined) throw refuse(501, "this guest has no terminals");
    return spawnOnTerminal(program, request.tty, terminals);
  }

  /** For the last moment of this process: nothing survives it. */
  killAll(): void {
    for (const { pid } of this.#running) killSession(pid);
  }
}

async function readBody(exchange: Exchange, { requestMs }: GuestLimits): Promise<Uint8Array> {
  if (exchange.length === "none") throw refuse(400, "the request has no body");
  if (typeof exchange.length === "number" && exchange.length > MAX_REQUEST_BYTES) {
    throw refuse(413, `the body is longer than ${MAX_REQUEST_BYTES} bytes`);
  }
  const inTime = new AbortController();
  try {
    const late = sleep(requestMs, inTime.signal).then(() => {
      throw refuse(408, `the body did not arrive within ${requestMs / 1000} s`);
    });
    late.catch(() => {/* Told by the race, or the body was there first. */});
    return await Promise.race([collect(await exchange.body(), MAX_REQUEST_BYTES), late]);
  } finally {
    inTime.abort();
  }
}

function summary(report: ExitReport): Record<string, unknown> {
  if ("code" in report) return { exit: report.code };
  return "signal" in report ? { signal: report.signal } : { failed: messageOf(report.error) };
}
