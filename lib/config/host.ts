/** Reads `[ssh://][user@]name[:port]`, the way people write a remote host. Pure. */

/** The parts of a remote host. */
export interface Host {
  readonly user?: string;
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port?: number;
}

const EXPECTED = "expected HOST, HOST:PORT or USER@HOST:PORT";

/**
 * Splits a host. The user ends at the last `@`, as in OpenSSH; an IPv6 address needs brackets only
 * if a port follows. Throws a plain `Error` that says what is expected.
 */
export function readHost(text: string): Host {
  const bare = text.replace(/^ssh:\/\//, "").replace(/\/$/, "");
  const at = bare.lastIndexOf("@");
  const user = at < 0 ? undefined : bare.slice(0, at);
  const { host, port } = splitPort(bare.slice(at + 1));
  // A leading dash is an option in disguise to every program the name may be handed to.
  if (!/^[^-\s/\\@[\]"'`$][^\s/\\@[\]"'`$]*$/.test(host)) throw new Error(EXPECTED);
  if (host.includes(":") && !/^[0-9a-f]*:[0-9a-f:.]+(?:%[\w.-]+)?$/i.test(host)) {
    throw new Error(EXPECTED);
  }
  if (user !== undefined && !/^[^-\s][^\s]*$/.test(user)) throw new Error(EXPECTED);
  return {
    host,
    ...(user === undefined ? {} : { user }),
    ...(port === undefined ? {} : { port: readPort(port) }),
  };
}

function splitPort(text: string): { host: string; port?: string } {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/.exec(text);
  if (bracketed !== null) return withPort(bracketed[1] ?? "", bracketed[2]);
  const colon = text.indexOf(":");
  if (colon < 0 || text.indexOf(":", colon + 1) >= 0) return { host: text };
  return withPort(text.slice(0, colon), text.slice(colon + 1));
}

function withPort(host: string, port: string | undefined): { host: string; port?: string } {
  return port === undefined ? { host } : { host, port };
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw new Error("expected a port from 1 to 65535");
  return port;
}
