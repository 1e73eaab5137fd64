/** Asks running commands how they are, over their private sockets. */
import { connect } from "node:net";
import { AgentError, messageOf } from "../errors.ts";
import { FramedStream } from "../http/framed_stream.ts";
import { HttpFramer } from "../http/framer.ts";
import { collect } from "../http/message.ts";
import { ResponseParser } from "../http/parser.ts";
import { addressText } from "../listen/bind_error.ts";
import { logger } from "../log.ts";
import type { ListenAddress } from "../net/address.ts";
import { denoConnDuplex } from "../net/deno_conn.ts";
import type { Duplex } from "../net/duplex.ts";
import { nodeStreamDuplex } from "../net/node_stream.ts";
import { type Forwards, isForwards } from "./forwards.ts";
import { findPresences, forget, type Presence, presenceOf } from "./presence.ts";
import type { Status } from "./status.ts";

const TIMEOUT_MS = 5_000;
/** Far more than a status with every operation of the API and thousands of ports. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const encoder = new TextEncoder();

/**
 * The commands that run, as they are now, the oldest first. What a killed one left behind is removed;
 * one that does not answer in time is told of in the log and left out.
 */
export async function askAll(directories: readonly string[]): Promise<Status[]> {
  const answers = await askEach(directories, askStatus);
  return answers.sort((a, b) => a.started.localeCompare(b.started));
}

/** The local ports of the commands that run, in the order of their process ids; as above. */
export async function askForwards(directories: readonly string[]): Promise<Forwards[]> {
  const answers = await askEach(directories, (address) => askAt(address, "/forwards", isForwards));
  return answers.sort((a, b) => a.pid - b.pid);
}

type AskOne<T> = (address: ListenAddress) => Promise<T>;

/** Asks the commands that run, one by one; see {@link askAll}. */
export async function askEach<T>(directories: readonly string[], ask: AskOne<T>): Promise<T[]> {
  const found = (await Promise.all(directories.map(findPresences))).flat();
  const answers = await Promise.all(found.map((presence) => askOne(presence, ask)));
  return answers.filter((answer) => answer !== undefined);
}

async function askOne<T>(presence: Presence, ask: AskOne<T>): Promise<T | undefined> {
  try {
    return await ask(presence.address);
  } catch (error) {
    if (isNobodyThere(error)) await forget(presence.file);
    else logger("status").warn(`Process ${presence.pid} does not answer: ${messageOf(error)}`);
    return undefined;
  }
}

/** Asks the command that answers at `address`. Throws what connecting threw, or `AgentError`. */
export function askStatus(address: ListenAddress): Promise<Status> {
  return askAt(address, "/status", isStatus);
}

async function askAt<T>(
  address: ListenAddress,
  path: string,
  isExpected: (value: unknown) => value is T,
): Promise<T> {
  const { status, body } = await exchange(address, "GET", path, TIMEOUT_MS);
  const where = addressText(address);
  const fail = (why: string) => new AgentError("unreachable", `Cannot ask "${where}": ${why}`);
  if (status !== 200) throw fail(`it answers with status ${status}`);
  if (!isExpected(body)) throw fail("it is of another version");
  return body;
}

/** What one command answered. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** What an answer that is no success says. */
export function failureOf({ status, body }: Answer): AgentError {
  const message = typeof body === "object" && body !== null && "message" in body
    ? String(body.message)
    : `The program answered with status ${status}`;
  return new AgentError(status === 404 ? "usage" : "engine", message);
}

/**
 * Has all commands that run do something about synced folders (`control.ts`), however long it takes.
 * One that does not answer is told of in the log and left out.
 */
export function askControl(
  directories: readonly string[],
  method: "GET" | "POST",
  target: string,
): Promise<Answer[]> {
  return askEach(directories, (address) => exchange(address, method, target, undefined));
}

/** As {@link askControl}, of the one process that has announced itself in `directory`. */
export function askProcess(
  directory: string,
  process: number,
  target: string,
  timeoutMs: number,
): Promise<Answer> {
  return exchange(presenceOf(directory, process).address, "POST", target, timeoutMs);
}

async function exchange(
  address: ListenAddress,
  method: "GET" | "POST",
  path: string,
  timeoutMs: number | undefined,
): Promise<Answer> {
  const where = addressText(address);
  const fail = (why: string) => new AgentError("unreachable", `Cannot ask "${where}": ${why}`);
  const stream = await openAt(address);
  const parser = new ResponseParser();
  parser.expect(method);
  const framed = new FramedStream(stream, new HttpFramer(parser));
  const timer = timeoutMs && setTimeout(() => stream.close(), timeoutMs);
  try {
    await stream.write(
      encoder.encode(`${method} ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`),
    );
    const event = await framed.next();
    if (event?.type !== "head") throw fail("it closed the connection");
    const bytes = await collect(framed.body(), MAX_ANSWER_BYTES);
    const body: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return { status: event.head.status, body };
  } finally {
    clearTimeout(timer);
    framed.close();
  }
}

/** Connects to the command that answers at `address`. The caller owns the stream. */
export async function openAt(address: ListenAddress): Promise<Duplex> {
  switch (address.kind) {
    case "tcp":
      return denoConnDuplex(await Deno.connect({ hostname: address.host, port: address.port }));
    case "unix":
      return denoConnDuplex(await Deno.connect({ transport: "unix", path: address.path }));
    case "npipe": {
      const socket = connect(address.path);
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.once("connect", () => {
          socket.off("error", reject);
          resolve();
        });
      });
      return nodeStreamDuplex(socket);
    }
  }
}

/** Every version of the program has told of these. */
function isStatus(value: unknown): value is Status {
  if (typeof value !== "object" || value === null) return false;
  return "status" in value && "hosts" in value && "connections" in value && "started" in value;
}

function isNobodyThere(error: unknown): boolean {
  return error instanceof Deno.errors.ConnectionRefused || error instanceof Deno.errors.NotFound ||
    (error instanceof Error && "code" in error && error.code === "ENOENT");
}
