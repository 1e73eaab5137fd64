/** Addresses of this machine that clients may listen on. Pure. */
import { formatHostPort, isIpLiteral } from "../net/address.ts";
import { parsePort } from "../net/port.ts";
import { refuse } from "./reply.ts";
import { fitsPattern, percentDecoded } from "./tunnel_target.ts";

/** An address to listen on; port 0 is any free one. */
export interface ListenTarget {
  readonly host: string;
  readonly port: number;
}

/** An address that a network interface has. */
export interface InterfaceAddress {
  readonly name: string;
  readonly address: string;
}

/** Reads what follows `/listen/`, percent-encoded: `tcp:ADDRESS:PORT`. Throws `ReplyError` 400. */
export function parseListenTarget(encoded: string): ListenTarget {
  const text = percentDecoded(encoded, "the address to listen on");
  const [, host = "", digits = ""] = /^tcp:([\d.]+|\[[\da-fA-F:.]+\]):(\d{1,5})$/.exec(text) ?? [];
  const port = parsePort(digits);
  if (!isIpLiteral(host) || port === undefined) {
    throw refuse(400, "a listener is asked for as tcp:ADDRESS:PORT, an IP address and not a name");
  }
  // One spelling for each address, which is compared with the patterns and with the interfaces.
  return { host: new URL(`http://${host}`).hostname.replace(/^\[|\]$/g, ""), port };
}

/** As it is written in a pattern: `tcp:172.17.0.1:3000`. */
function formatListenTarget({ host, port }: ListenTarget): string {
  return `tcp:${formatHostPort(host, port)}`;
}

/**
 * Whether one of `patterns` fits; `*` stands for any characters. In place of the address a pattern may
 * have the name of the interface that has it, such as `tcp:docker0:*`.
 */
export function isListenAllowed(
  target: ListenTarget,
  patterns: readonly string[],
  interfaces: readonly InterfaceAddress[],
): boolean {
  const names = interfaces.filter(({ address }) => address === target.host).map(({ name }) => name);
  const spellings = [
    formatListenTarget(target),
    ...names.map((name) => `tcp:${name}:${target.port}`),
  ];
  return spellings.some((text) => fitsPattern(text, patterns, ".*"));
}
