/**
 * The mTLS transport: one TLS connection per stream to a gateway, which lets clients in by their
 * certificate and chooses the engine by the SNI name. There is no connection to keep up in between,
 * so nothing here dies by itself; a gateway that is away shows when a stream is opened.
 */
import type { SecureContext } from "node:tls";
import { AgentError } from "../errors.ts";
import { formatHostPort } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import { readAuthorities, readIdentity } from "../net/tls_files.ts";
import { dialTls, tlsContext, type TlsEndpoint, tlsError } from "./tls_dial.ts";
import type { OpenOptions, Target, Transport } from "./transport.ts";

/** How to reach the gateway. The files are PEM files. */
export interface MtlsSettings extends TlsEndpoint {
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities to trust instead of the public ones. */
  readonly caFile?: string;
}

/** How much of the answer to the start-up check is read, in bytes, and for how long, in ms. */
const MAX_ANSWER = 64 * 1024;
const CHECK_TIMEOUT = 15_000;
const MAX_QUOTED = 200;

/**
 * Reads the certificates and checks, with one `/_ping`, that the gateway lets us in and has an
 * engine for the name. The caller owns the transport. Throws `AgentError`: `config` for the files,
 * `unreachable`, `authentication` (either side's certificate), `engine`.
 */
export async function connectMtls(
  settings: MtlsSettings,
  signal: AbortSignal,
): Promise<Transport> {
  const identity = await readIdentity(settings, "client");
  const authorities = settings.caFile === undefined
    ? undefined
    : await readAuthorities(settings.caFile, "gateway");
  const transport = new MtlsTransport(settings, tlsContext(identity, authorities));
  try {
    await checkGateway(settings, () => transport.dial(signal), signal);
    return transport;
  } catch (error) {
    transport.close();
    throw error;
  }
}

class MtlsTransport implements Transport {
  readonly description: string;
  readonly closed: Promise<undefined>;
  readonly #endpoint: TlsEndpoint;
  readonly #context: SecureContext;
  readonly #closing = new AbortController();
  readonly #streams = new Set<Duplex>();

  constructor(endpoint: TlsEndpoint, context: SecureContext) {
    const { host, port, serverName } = endpoint;
    const via = serverName === host ? "" : ` via ${formatHostPort(host, port)}`;
    this.description = `mtls://${serverName}${via}`;
    this.#endpoint = endpoint;
    this.#context = context;
    this.closed = new Promise((resolve) => {
      this.#closing.signal.addEventListener("abort", () => resolve(undefined), { once: true });
    });
  }

  async open(target: Target, options: OpenOptions = {}): Promise<Duplex> {
    if (target.kind !== "docker") throw notOffered(target);
    if (this.#closing.signal.aborted) {
      throw new AgentError("lost", `The connection to "${this.description}" is closed`);
    }
    try {
      return await this.dial(options.signal);
    } catch (error) {
      // A gateway that is away is waited for like any other lost connection.
      const away = error instanceof AgentError && error.kind === "unreachable";
      throw away ? new AgentError("lost", error.message, { cause: error }) : error;
    }
  }

  /** Dials a stream that ends with the transport. */
  async dial(signal: AbortSignal | undefined): Promise<Duplex> {
    const closing = this.#closing.signal;
    const duplex = await dialTls({
      endpoint: this.#endpoint,
      context: this.#context,
      signal: signal === undefined ? closing : AbortSignal.any([signal, closing]),
    });
    this.#streams.add(duplex);
    void duplex.closed.then(() => this.#streams.delete(duplex));
    return duplex;
  }

  close(): void {
    this.#closing.abort();
    for (const duplex of this.#streams) duplex.close();
  }
}

function notOffered(target: Exclude<Target, { kind: "docker" }>): AgentError {
  const name = target.kind === "unix" ? target.path : formatHostPort(target.host, target.port);
  return new AgentError("engine", `Cannot reach "${name}" on the remote host through the gateway`, {
    hint: "use --transport ssh; the gateway would have to offer tunnels " +
      "(HTTP upgrade at /tinyscale/v1/tunnel/)",
  });
}

/** Only an answer proves that a TLS 1.3 gateway has accepted our certificate. */
async function checkGateway(
  endpoint: TlsEndpoint,
  dial: () => Promise<Duplex>,
  signal: AbortSignal,
): Promise<void> {
  const duplex = await dial();
  const stop = () => duplex.close();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    duplex.close();
  }, CHECK_TIMEOUT);
  signal.addEventListener("abort", stop);
  try {
    judge(endpoint, await ping(duplex, endpoint.serverName));
  } catch (error) {
    if (late) throw noAnswer(endpoint);
    throw error instanceof AgentError ? error : tlsError(endpoint, error);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    duplex.close();
  }
}

async function ping(duplex: Duplex, host: string): Promise<string> {
  const request = `GET /_ping HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`;
  await duplex.write(new TextEncoder().encode(request));
  const decoder = new TextDecoder();
  let answer = "";
  while (answer.length < MAX_ANSWER) {
    const chunk = await duplex.read();
    if (chunk === null) break;
    answer += decoder.decode(chunk, { stream: true });
  }
  return answer;
}

function judge(endpoint: TlsEndpoint, answer: string): void {
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(answer)?.[1];
  if (status === "200") return;
  const gateway = `The gateway "${formatHostPort(endpoint.host, endpoint.port)}"`;
  if (answer === "") {
    throw new AgentError("authentication", `${gateway} closed the connection without an answer`, {
      hint:
        `check that it trusts the certificate of --mtls-cert and knows "${endpoint.serverName}"`,
    });
  }
  if (status === undefined) {
    throw new AgentError("engine", `${gateway} does not answer in HTTP`, {
      hint: "check the port in --mtls-endpoint",
    });
  }
  if (/certificate/i.test(answer)) {
    throw new AgentError("authentication", `${gateway} refused the client certificate`, {
      hint: "check that --mtls-cert is signed by an authority the gateway trusts",
    });
  }
  const text = `${gateway} has no engine for "${endpoint.serverName}": ${status} ${said(answer)}`;
  throw new AgentError("engine", text.trimEnd(), {
    hint: "check --mtls-sni, and that the engine behind the gateway runs",
  });
}

function noAnswer({ host, port }: TlsEndpoint): AgentError {
  const name = formatHostPort(host, port);
  return new AgentError("unreachable", `The gateway "${name}" does not answer`, {
    hint: "check --mtls-endpoint and the network",
  });
}

/** The engine's message in an answer's body, or else the body's first words, on one line. */
function said(answer: string): string {
  const body = answer.slice(answer.indexOf("\r\n\r\n") + 4);
  const text = /"message"\s*:\s*"((?:[^"\\]|\\.)*)"/.exec(body)?.[1] ?? body;
  return text.replaceAll(/<[^>]*>|\s+/g, " ").trim().slice(0, MAX_QUOTED);
}
