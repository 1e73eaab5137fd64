/**
 * The transport of `--ts-server`: everything goes through a guest, which stands on the remote host or
 * behind a gateway. The engine is one of the sockets that the guest reaches.
 */
import { AgentError, messageOf } from "../../errors.ts";
import { logger } from "../../log.ts";
import { formatHostPort } from "../../net/address.ts";
import { readSmallText } from "../../system/small_file.ts";
import { type FoundGuest, guestAt } from "../guest/info.ts";
import { GuestKeeper } from "../guest/keeper.ts";
import { GuestLink } from "../guest/link.ts";
import type { Target, Transport } from "../transport.ts";
import { Dialer, type EndpointSettings } from "./dialer.ts";
import { EndpointTransport } from "./endpoint_transport.ts";
import { warnOfOpenness } from "./openness.ts";
import { said } from "./said.ts";
import { wordsOf } from "./tls_error.ts";

const MAX_TOKEN_FILE_BYTES = 64 * 1024;

/** How to reach the guest. */
export interface TstunnelSettings extends EndpointSettings {
  /** A file with the token that the guest asks for. */
  readonly tokenFile?: string;
}

const NOT_HTTP = "it does not answer in HTTP";

/** What the transport is for. */
export interface TstunnelUse {
  /** Where Docker is for the guest, if it is wanted. */
  readonly engine?: Exclude<Target, { kind: "docker" }>;
  /** A server that does not say what it can do is taken to open tunnels, as the first ones did. */
  readonly mayBeFirstLevel?: boolean;
}

/** What a server could do before there was a way to ask. */
const FIRST_LEVEL: ReadonlySet<string> = new Set(["tunnel-tcp", "tunnel-udp", "tunnel-unix"]);

/**
 * Reads the certificates and asks the guest what it can do. The caller owns the transport. Throws `AgentError`: `config` for the files, `unreachable`,
 * `authentication`, `engine` where there is no guest.
 */
export async function connectTstunnel(
  settings: TstunnelSettings,
  use: TstunnelUse,
  signal: AbortSignal,
): Promise<Transport> {
  const dialer = await Dialer.open(settings);
  warnOfOpenness(settings, logger("transport"));
  try {
    const token = await readToken(settings.tokenFile);
    const name = describeTstunnel(settings);
    const ask = async (limit: AbortSignal) => ({
      kind: "guest" as const,
      link: await findGuest(dialer, settings, { signal: limit, token, use }),
    });
    const guest = new GuestKeeper(await ask(signal), { name, ask });
    return new EndpointTransport({
      description: name,
      dialer,
      guest,
      ...(use.engine === undefined ? {} : { engine: use.engine }),
      // Without the guest there is nothing.
      probe: async (limit) => guest.learn(await ask(limit)),
    });
  } catch (error) {
    dialer.close({ everything: true });
    throw error;
  }
}

/** For people, such as `tstunnel://gpu.example.com:443`. */
export function describeTstunnel({ host, port, serverName }: EndpointSettings): string {
  const via = serverName === host ? "" : ` via ${formatHostPort(host, port)}`;
  return `tstunnel://${via === "" ? formatHostPort(host, port) : serverName}${via}`;
}

/** The one token in a file; nothing without a file. Throws `AgentError` of kind `config`. */
export async function readToken(path: string | undefined): Promise<string | undefined> {
  if (path === undefined) return undefined;
  let token: string;
  try {
    token = (await readSmallText(path, MAX_TOKEN_FILE_BYTES)).trim();
  } catch (cause) {
    throw new AgentError("config", `Cannot read the token "${path}": ${messageOf(cause)}`, {
      cause,
      hint: "check the path and its permissions",
    });
  }
  if (/^[\x21-\x7e]{1,4096}$/.test(token)) return token;
  throw new AgentError("config", `Cannot use the token in "${path}": it is not one word`, {
    hint: "the file holds the token and nothing else",
  });
}

async function findGuest(
  dialer: Dialer,
  settings: TstunnelSettings,
  { signal, token, use }: { signal: AbortSignal; token: string | undefined; use: TstunnelUse },
): Promise<GuestLink> {
  const { host, port, serverName } = settings;
  const address = {
    host: serverName === host ? formatHostPort(host, port) : serverName,
    ...(token === undefined ? {} : { token }),
  };
  const name = describeTstunnel(settings);
  const found = await guestAt(dialer, { ...address, name, signal });
  if (found.kind === "guest") return found.link;
  if (use.mayBeFirstLevel === true && found.kind === "none" && found.status === 404) {
    return new GuestLink(dialer, address, { name, capabilities: FIRST_LEVEL });
  }
  throw noGuest(settings, found);
}

function noGuest(
  settings: TstunnelSettings,
  found: Exclude<FoundGuest, { kind: "guest" }>,
): AgentError {
  const { host, port, tls } = settings;
  const { peer, address, cert, ca, token } = wordsOf(settings);
  const name = `The ${peer} "${formatHostPort(host, port)}"`;
  if (found.kind === "silent") {
    const hint = tls === undefined && found.reason === NOT_HTTP
      ? `check the port in ${address}, or give ${cert} or ${ca} for a server with TLS`
      : `check ${address} and the network`;
    return new AgentError("unreachable", `${name} is no guest: ${found.reason}`, { hint });
  }
  const { status, text } = found;
  if (status === undefined) {
    return tls === undefined
      ? new AgentError("unreachable", `${name} closed the connection without an answer`, {
        hint: `give ${cert} or ${ca} for a server with TLS`,
      })
      : new AgentError("authentication", `${name} closed the connection without an answer`, {
        hint: tls.certFile === undefined
          ? `give a certificate that it trusts with ${cert}`
          : `check that it trusts the certificate of ${cert}`,
      });
  }
  if (status === 401 || /certificate/i.test(text)) {
    const why = status === 401
      ? "wants a client certificate or a token"
      : "refused the certificate";
    const options = token === undefined || status !== 401 ? cert : `${cert} or ${token}`;
    return new AgentError("authentication", `${name} ${why}`, { hint: `check ${options}` });
  }
  const why = `${name} has no guest behind it: ${status} ${said(text)}`;
  return new AgentError("engine", why.trimEnd(), {
    hint: "start the guest on the remote host: remote-docker-agent guest",
  });
}
