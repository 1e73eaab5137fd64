/**
 * Ports of the remote host that a guest listens on for us (docs/protocol.md): a control stream tells of
 * each connection by a ticket, with which it is fetched as a stream of its own. What listens ends with
 * the control stream.
 */
import { AgentError, describeError } from "../../errors.ts";
import { type Logger, logger } from "../../log.ts";
import { formatHostPort } from "../../net/address.ts";
import type { Duplex } from "../../net/duplex.ts";
import { upgrade, type Upgraded, UpgradeRefused } from "../endpoint/http_upgrade.ts";
import { Lines } from "../lines.ts";
import type { RemoteListener } from "../transport.ts";
import { bearer, type GuestLink } from "./link.ts";

/** Where listeners are asked for; what follows is `tcp:ADDRESS:PORT`. */
export const LISTEN_PREFIX = "/tinyscale/v1/listen/";
/** Where connections are fetched. */
export const ACCEPT_PATH = `${LISTEN_PREFIX}accept`;
/** Has the ticket of the connection to fetch. */
export const TICKET_FIELD = "X-Listen-Ticket";
/** Of an answer: the address that is listened on, with its real port. */
export const ADDRESS_FIELD = "X-Listen-Address";

/** The guest ends a listener whose client has said nothing for three times as long. */
const PING_MS = 10_000;
const PING = new Uint8Array([0x0a]);
/** The guest says something every 15 s. */
const SILENCE_MS = 60_000;
/** How long the end of a listener may take. */
const FAREWELL_MS = 1_000;
/** Connections that are being fetched; a guest announces no more of them. */
const MAX_FETCHING = 256;

/**
 * Has the guest listen on `address`; each connection is handed to `serve`, which owns it. Throws
 * `AgentError`: `engine` where it may not or cannot, `lost` or `unreachable` where it cannot be asked.
 */
export async function listenThroughGuest(
  link: GuestLink,
  address: { host: string; port: number },
  serve: (stream: Duplex) => void,
): Promise<RemoteListener> {
  const { host, port } = address;
  try {
    const target = `tcp:${formatHostPort(host, port)}`.replaceAll(/[[\]]/g, encodeURIComponent);
    const { duplex, headers } = await ask(link, `${LISTEN_PREFIX}${target}`);
    const real = /:(\d{1,5})$/.exec(headers.get(ADDRESS_FIELD) ?? "")?.[1];
    return new GuestListener(link, duplex, { port: real === undefined ? port : +real, serve });
  } catch (error) {
    if (!(error instanceof UpgradeRefused) || error.status === 401) throw error;
    throw new AgentError(
      "engine",
      `Cannot listen on ${formatHostPort(host, port)} of ${link.name}: ${error.message}`,
      { cause: error, hint: hintFor(error) },
    );
  }
}

function hintFor({ status, message }: UpgradeRefused): string {
  if (/not allowed/.test(message)) return "allow it on the remote host with --allow-listen";
  if (status === 409) return "choose a port that is free on the remote host";
  return "the guest or the gateway does not allow it";
}

function ask(
  link: GuestLink,
  path: string,
  { ticket, signal }: { ticket?: string; signal?: AbortSignal } = {},
): Promise<Upgraded> {
  return link.use(signal, (duplex, { host, token }) => {
    const headers = bearer(token);
    if (ticket !== undefined) headers.push([TICKET_FIELD, ticket]);
    return upgrade(duplex, { method: "POST", path, host, headers }, signal && { signal });
  });
}

class GuestListener implements RemoteListener {
  readonly port: number;
  readonly closed: Promise<void>;
  readonly #link: GuestLink;
  readonly #control: Duplex;
  readonly #serve: (stream: Duplex) => void;
  readonly #log: Logger = logger("transport");
  readonly #closing = new AbortController();
  readonly #fetching = new Set<Promise<void>>();

  constructor(
    link: GuestLink,
    control: Duplex,
    { port, serve }: { port: number; serve: (stream: Duplex) => void },
  ) {
    this.port = port;
    this.#link = link;
    this.#control = control;
    this.#serve = serve;
    this.closed = this.#follow();
  }

  /** Waits for the guest to say that the port is free, for a while. */
  async close(): Promise<void> {
    const timer = setTimeout(() => this.#control.close(), FAREWELL_MS);
    await this.#control.closeWrite();
    await this.closed;
    clearTimeout(timer);
  }

  async #follow(): Promise<void> {
    const control = this.#control;
    const lines = new Lines((line) => this.#note(line));
    let pinging: Promise<void> | undefined;
    const ping = setInterval(() => {
      // A failed write is the end that the reading below sees as well.
      pinging ??= control.write(PING).catch(() => {}).then(() => pinging = undefined);
    }, PING_MS);
    let silence: ReturnType<typeof setTimeout> | undefined;
    const touch = () => {
      clearTimeout(silence);
      silence = setTimeout(() => control.close(), SILENCE_MS);
    };
    try {
      touch();
      for (let chunk; (chunk = await control.read()) !== null; touch()) lines.add(chunk);
    } catch (error) {
      this.#log.debug("A listener of the guest is gone", { error: describeError(error) });
    } finally {
      clearInterval(ping);
      clearTimeout(silence);
      control.close();
      this.#closing.abort();
      await Promise.all(this.#fetching);
      await pinging;
    }
  }

  #note(line: string): void {
    const ticket = ticketIn(line);
    if (ticket === undefined || this.#fetching.size >= MAX_FETCHING) return;
    const fetching = this.#fetch(ticket).finally(() => this.#fetching.delete(fetching));
    this.#fetching.add(fetching);
  }

  async #fetch(ticket: string): Promise<void> {
    try {
      const { signal } = this.#closing;
      const { duplex } = await ask(this.#link, ACCEPT_PATH, { ticket, signal });
      this.#serve(duplex);
    } catch (error) {
      this.#log.debug("Cannot fetch a connection", { error: describeError(error) });
    }
  }
}

/** Other lines say that the guest is there, or what a later one has to tell. */
function ticketIn(line: string): string | undefined {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || !("ticket" in value)) return undefined;
    const { ticket } = value;
    return typeof ticket === "string" && /^[\w-]{1,256}$/.test(ticket) ? ticket : undefined;
  } catch {
    // Not JSON: nothing that we know.
    return undefined;
  }
}
