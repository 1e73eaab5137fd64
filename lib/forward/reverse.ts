/**
 * The other direction: a port of this machine that containers reach through a name, by default
 * `host.docker.internal`. The remote host listens on the address of Docker's bridge: a guest, or sshd
 * itself where it may, otherwise a small program that a shell runs (`reverse_script.ts`). It is set up
 * anew on every transport, and owns what it has set up.
 */
import { AgentError, describeError } from "../errors.ts";
import { type Logger, logger } from "../log.ts";
import { denoConnDuplex } from "../net/deno_conn.ts";
import type { Duplex } from "../net/duplex.ts";
import { pipe } from "../net/pipe.ts";
import { parsePort } from "../net/port.ts";
import { counted, newCounters } from "./counters.ts";
import type { ForwardInfo } from "./forward_info.ts";
import type { RemoteListener, RemoteProcess, Transport } from "../transport/transport.ts";
import { listingCommand, parseListing } from "./listening.ts";
import { LISTENING, NO_INTERPRETER, reverseCommand } from "./reverse_script.ts";
import { sleep } from "../system/sleep.ts";
import type { HostPort } from "./client_listener.ts";

/** A name that containers know, and the port of 127.0.0.1 here that it leads to. */
export interface ReverseTarget {
  readonly name: string;
  readonly port: number;
}

/** One of them, for people. A copy: it does not change. */
export interface ReverseInfo extends Pick<ForwardInfo, "remote" | "connections" | "bytes"> {
  readonly target: ReverseTarget;
}

/** What a reverse forward needs of its surroundings. */
export interface ReverseOptions {
  readonly target: ReverseTarget;
  /** The next live transport, waiting as long as it takes. */
  nextTransport(signal: AbortSignal): Promise<Transport>;
  /** The address of Docker's bridge on the remote host. */
  bridgeAddress(signal: AbortSignal): Promise<string>;
  /** From a failure to the next attempt; doubles while it goes on. Default: 2 s. */
  readonly firstRetryMs?: number;
  log?: Logger;
}

const LOOPBACK = "127.0.0.1";
const FIRST_RETRY_MS = 2_000;
const LAST_RETRY_MS = 30_000;
/** After a lost connection, which the supervisor may not have noticed yet. */
const AGAIN_MS = 500;
/** The program on the remote host ends after 30 s of silence. */
const PING_MS = 10_000;
const PING = new Uint8Array([0x0a]);
const MAX_PREAMBLE = 64 * 1024;

/** Reads `NAME:PORT`. Throws `AgentError` of kind `config`. */
export function parseReverse(text: string): ReverseTarget {
  const [, name = "", digits = ""] = /^([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):(\d{1,5})$/i.exec(text) ??
    [];
  const port = parsePort(digits, 1);
  if (name !== "" && port !== undefined) return { name, port };
  throw new AgentError("config", `Cannot let containers reach "${text}": not NAME:PORT`, {
    hint: "write a name for containers and a local port, such as host.docker.internal:3000",
  });
}

/** See the file comment. */
export class ReverseForward {
  readonly #options: ReverseOptions;
  readonly #log: Logger;
  readonly #closing = new AbortController();
  readonly #streams = new Set<Promise<unknown>>();
  readonly #counters = newCounters();
  /** Where the remote host listens now. */
  #remote: HostPort | undefined;
  #running: Promise<void> | undefined;
  /** The last failure that was told, so that trying again does not tell it again. */
  #told: string | undefined;
  readonly #firstRetryMs: number;
  #retryMs: number;
  /** Ends the pause before the next attempt. */
  #hurrying = new AbortController();

  constructor(options: ReverseOptions) {
    this.#options = options;
    this.#log = options.log ?? logger("forward");
    this.#firstRetryMs = this.#retryMs = options.firstRetryMs ?? FIRST_RETRY_MS;
  }

  /** Begins; failures are logged and tried again. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Somebody is about to need it, or what it failed for may be there now: it is tried again at once. */
  hurry(): void {
    this.#hurrying.abort();
  }

  /** As it is now. */
  snapshot(): ReverseInfo {
    const { open, total, sent, received } = this.#counters;
    return {
      target: this.#options.target,
      remote: this.#remote,
      connections: { open, total },
      bytes: { sent, received },
    };
  }

  /** Ends the listener and its connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#running;
    await Promise.all(this.#streams);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      this.#hurrying = new AbortController();
      let forget: (() => void) | undefined;
      try {
        const transport = await this.#options.nextTransport(signal);
        forget = transport.onChange?.(() => this.hurry());
        await this.#serveOn(transport);
        this.#remote = undefined;
        await sleep(AGAIN_MS, signal);
      } catch (error) {
        this.#remote = undefined;
        if (signal.aborted) return;
        const isLost = error instanceof AgentError && error.kind === "lost";
        if (!isLost) this.#tellFailure(describeError(error));
        await (isLost ? sleep(AGAIN_MS, signal) : this.#pause());
      } finally {
        forget?.();
      }
    }
  }

  async #pause(): Promise<void> {
    const hurried = this.#hurrying.signal;
    await sleep(this.#retryMs, AbortSignal.any([this.#closing.signal, hurried]));
    this.#retryMs = hurried.aborted
      ? this.#firstRetryMs
      : Math.min(LAST_RETRY_MS, 2 * this.#retryMs);
  }

  #tellFailure(why: string): void {
    if (this.#told === why) return;
    this.#told = why;
    const { name, port } = this.#options.target;
    this.#log.warn(`Containers cannot reach ${name}:${port}: ${why}`);
  }

  /** Settles when the listener has ended in order, with its transport. */
  async #serveOn(transport: Transport): Promise<void> {
    const { signal } = this.#closing;
    const host = await this.#options.bridgeAddress(signal);
    const direct = await this.#listenDirectly(transport, host);
    const { name, port } = this.#options.target;
    const told = () => {
      this.#remote = { host, port };
      this.#told = undefined;
      this.#retryMs = this.#firstRetryMs;
      this.#log.info(`Containers reach ${LOOPBACK}:${port} of this machine at ${name}:${port}`);
    };
    if (direct !== undefined) {
      told();
      await untilEnd(Promise.race([transport.closed, direct.closed]), signal);
      return await direct.close();
    }
    await this.#listenThroughProgram(transport, host, told);
  }

  /** On the bridge's address, where the other end goes along; sshd does not say when it does not. */
  async #listenDirectly(transport: Transport, host: string): Promise<RemoteListener | undefined> {
    const { port } = this.#options.target;
    const serve = (stream: Duplex) => this.#serve(stream);
    await transport.look?.();
    if (transport.listen === undefined) throw cannotListen(transport);
    if (!transport.listensSomewhere) return await transport.listen({ host, port }, serve);
    if (transport.shell === undefined) throw cannotListen(transport);
    const { signal } = this.#closing;
    let listener: RemoteListener;
    try {
      listener = await transport.listen({ host, port }, serve);
    } catch (error) {
      // The port may be taken on loopback only, where sshd listens instead.
      this.#log.debug("sshd does not listen", { error: describeError(error) });
      return undefined;
    }
    const { stdout } = await transport.shell.run(listingCommand([]), { signal });
    const { sockets } = parseListing(stdout);
    if (sockets.some((socket) => socket.host === host && socket.port === port)) return listener;
    await listener.close();
    return undefined;
  }

  async #listenThroughProgram(
    transport: Transport,
    host: string,
    told: () => void,
  ): Promise<void> {
    const { signal } = this.#closing;
    const loopback = { host: LOOPBACK, port: 0 };
    const listener = await transport.listen?.(loopback, (stream) => this.#serve(stream));
    const command = reverseCommand(host, this.#options.target.port, listener?.port ?? 0);
    const errors: string[] = [];
    const process = await transport.shell?.spawn(command, {
      signal,
      onStderr: (line) => errors.push(line) > 20 && errors.shift(),
    });
    try {
      if (process === undefined) return;
      await untilListening(process, errors);
      told();
      await keepAwake(process, signal);
    } finally {
      process?.stdio.close();
      await listener?.close();
    }
  }

  #serve(stream: Duplex): void {
    const serving = this.#connect(stream).finally(() => this.#streams.delete(serving));
    this.#streams.add(serving);
  }

  async #connect(stream: Duplex): Promise<void> {
    const { port } = this.#options.target;
    const counters = this.#counters;
    counters.open++;
    counters.total++;
    try {
      const conn = await Deno.connect({ hostname: LOOPBACK, port });
      conn.setNoDelay(true);
      await pipe(counted(stream, counters), denoConnDuplex(conn), { signal: this.#closing.signal });
    } catch (error) {
      this.#log.debug(`Nothing listens on ${LOOPBACK}:${port}`, { error: describeError(error) });
    } finally {
      stream.close();
      counters.open--;
    }
  }
}

function cannotListen({ limits }: Transport): AgentError {
  if (limits !== undefined) return new AgentError("engine", limits);
  return new AgentError("engine", "the guest of the remote host does not listen for others", {
    hint: "update the guest there, and see its --allow-listen",
  });
}

async function untilListening({ stdio, exit }: RemoteProcess, errors: string[]): Promise<void> {
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes(LISTENING) && text.length < MAX_PREAMBLE) {
    const chunk = await stdio.read();
    if (chunk !== null) {
      text += decoder.decode(chunk, { stream: true });
      continue;
    }
    const missing = await exit === NO_INTERPRETER;
    throw new AgentError(
      "engine",
      missing
        ? "sshd listens on loopback only, and the remote host has neither python3 nor perl"
        : `the remote host cannot listen: ${errors.at(-1) ?? "no reason given"}`,
      missing ? { hint: "set GatewayPorts clientspecified in sshd_config there" } : {},
    );
  }
}

/** Settles when the program ends; pings it meanwhile. */
async function keepAwake({ stdio }: RemoteProcess, signal: AbortSignal): Promise<void> {
  let writing: Promise<void> = Promise.resolve();
  const ping = setInterval(() => {
    // A failed write is the end that the reading below sees as well.
    writing = writing.then(() => stdio.write(PING)).catch(() => {});
  }, PING_MS);
  const onAbort = () => stdio.close();
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    while (await stdio.read() !== null);
  } finally {
    clearInterval(ping);
    signal.removeEventListener("abort", onAbort);
    await writing;
  }
}

async function untilEnd(closed: Promise<unknown>, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const aborted = Promise.withResolvers<void>();
  const onAbort = () => aborted.resolve();
  signal.addEventListener("abort", onAbort, { once: true });
  await Promise.race([closed, aborted.promise]);
  signal.removeEventListener("abort", onAbort);
}
