/**
 * The mTLS transport: a gateway that lets clients in by their certificate and chooses the remote host
 * by the SNI name. It leads to the engine, and to the guest of the host where it has one.
 */
import { AgentError } from "../../errors.ts";
import { HttpParseError } from "../../http/parse_error.ts";
import { formatHostPort } from "../../net/address.ts";
import { guestAt } from "../guest/info.ts";
import { GuestKeeper } from "../guest/keeper.ts";
import type { Transport } from "../transport.ts";
import { Dialer, type EndpointSettings } from "./dialer.ts";
import { EndpointTransport } from "./endpoint_transport.ts";
import { ask, NoAnswer, type PlainAnswer } from "./http_ask.ts";
import { said } from "./said.ts";
import { tlsError, wordsOf } from "./tls_error.ts";

/** How to reach the gateway. The files are PEM files. */
export interface MtlsSettings {
  readonly host: string;
  readonly port: number;
  /** The name by which the gateway knows the remote host. */
  readonly serverName: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** The authorities to trust instead of the public ones. */
  readonly caFile?: string;
}

const CHECK_TIMEOUT_MS = 15_000;

/**
 * Reads the certificates and checks that the gateway lets us in, has an engine for the name, and
 * whether it has a guest. The caller owns the transport. Throws `AgentError`: `config` for the files,
 * `unreachable`, `authentication` (either side's certificate), `engine`.
 */
export async function connectMtls(
  settings: MtlsSettings,
  signal: AbortSignal,
): Promise<Transport> {
  const { host, port, serverName, certFile, keyFile, caFile } = settings;
  const tls = { certFile, keyFile, ...(caFile === undefined ? {} : { caFile }) };
  const dialer = await Dialer.open({ host, port, serverName, tls });
  try {
    if (await checkEngine(dialer, signal, { untilEnd: true }) === false) dialer.takeCutsForEnds();
    const via = serverName === host ? "" : ` via ${formatHostPort(host, port)}`;
    const description = `mtls://${serverName}${via}`;
    const askGuest = (limit: AbortSignal) =>
      guestAt(dialer, { host: serverName, name: description, signal: limit });
    return new EndpointTransport({
      description,
      dialer,
      guest: new GuestKeeper(await askGuest(signal), { name: description, ask: askGuest }),
      probe: async (limit) => void await checkEngine(dialer, limit),
    });
  } catch (error) {
    dialer.close({ everything: true });
    throw error;
  }
}

/**
 * Only an answer proves that a TLS 1.3 gateway has accepted our certificate. Returns whether the gateway
 * ends its streams as TLS demands, where that was waited for and could be told.
 */
async function checkEngine(
  dialer: Dialer,
  signal: AbortSignal,
  { untilEnd = false } = {},
): Promise<boolean | undefined> {
  const { endpoint } = dialer;
  const duplex = await dialer.dial(signal);
  try {
    const host = endpoint.serverName;
    const question = { path: "/_ping", host, timeoutMs: CHECK_TIMEOUT_MS, signal, untilEnd };
    const answer = await ask(duplex, question);
    judge(endpoint, answer);
    return answer.endsInOrder;
  } catch (error) {
    if (error instanceof NoAnswer) throw noAnswer(endpoint);
    if (error instanceof HttpParseError) throw notHttp(endpoint);
    throw error instanceof AgentError ? error : tlsError(endpoint, error);
  }
}

function judge(endpoint: EndpointSettings, { status, text }: PlainAnswer): void {
  if (status === 200) return;
  const gateway = nameOf(endpoint);
  const { cert } = wordsOf(endpoint);
  if (status === undefined) {
    throw new AgentError("authentication", `${gateway} closed the connection without an answer`, {
      hint: `check that it trusts the certificate of ${cert} and knows "${endpoint.serverName}"`,
    });
  }
  if (/certificate/i.test(text)) {
    throw new AgentError("authentication", `${gateway} refused the client certificate`, {
      hint: `check that ${cert} is signed by an authority the gateway trusts`,
    });
  }
  const why = `${gateway} has no engine for "${endpoint.serverName}": ${status} ${said(text)}`;
  throw new AgentError("engine", why.trimEnd(), {
    hint: "check --mtls-sni, and that the engine behind the gateway runs",
  });
}

function nameOf({ host, port }: EndpointSettings): string {
  return `The gateway "${formatHostPort(host, port)}"`;
}

function notHttp(endpoint: EndpointSettings): AgentError {
  return new AgentError("engine", `${nameOf(endpoint)} does not answer in HTTP`, {
    hint: `check the port in ${wordsOf(endpoint).address}`,
  });
}

function noAnswer(endpoint: EndpointSettings): AgentError {
  return new AgentError("unreachable", `${nameOf(endpoint)} does not answer`, {
    hint: `check ${wordsOf(endpoint).address} and the network`,
  });
}
