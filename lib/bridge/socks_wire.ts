/** SOCKS 5 as bytes (RFC 1928, RFC 1929): what is read and what is written, and no more. Pure. */
import { formatIp, ipBytes } from "../net/ip.ts";
import type { FailureKind } from "./failure.ts";

/** The protocol's version, first in every message but those of RFC 1929. */
export const VERSION = 5;
/** The version of the password negotiation (RFC 1929, section 2). */
export const PASSWORD_VERSION = 1;

/** Methods of authentication (RFC 1928, section 3). */
export const METHOD = { none: 0, password: 2, unacceptable: 0xff } as const;

/** Commands (RFC 1928, section 4). */
export const COMMAND = { connect: 1, bind: 2, udpAssociate: 3 } as const;

/** Replies (RFC 1928, section 6). */
export const REPLY = {
  succeeded: 0,
  generalFailure: 1,
  notAllowed: 2,
  networkUnreachable: 3,
  hostUnreachable: 4,
  connectionRefused: 5,
  ttlExpired: 6,
  commandNotSupported: 7,
  addressTypeNotSupported: 8,
} as const;

/** The reply for each kind of failure. A host that does not answer counts as unreachable. */
export const REPLY_FOR: Readonly<Record<FailureKind, number>> = {
  forbidden: REPLY.notAllowed,
  refused: REPLY.connectionRefused,
  unreachable: REPLY.hostUnreachable,
  "no-network": REPLY.networkUnreachable,
  "no-guest": REPLY.networkUnreachable,
  timeout: REPLY.hostUnreachable,
  unsupported: REPLY.commandNotSupported,
  failed: REPLY.generalFailure,
};

/** A destination as the client named it. */
export interface Destination {
  /** An IP address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
}

const TYPE = { ipv4: 1, name: 3, ipv6: 4 } as const;
/** Of a datagram before its address: two reserved bytes and the fragment. */
const DATAGRAM_HEAD = 3;

/** How many bytes of an address of `type` follow; for a name `first` is its length. */
export function addressLength(type: number, first: number): number | undefined {
  switch (type) {
    case TYPE.ipv4:
      return 4;
    case TYPE.ipv6:
      return 16;
    case TYPE.name:
      return 1 + first;
    default:
      return undefined;
  }
}

/**
 * Reads the address of `type` and the port after it; `undefined` for what is neither an address nor
 * a name that may be looked up.
 */
export function parseDestination(type: number, bytes: Uint8Array): Destination | undefined {
  const address = bytes.subarray(type === TYPE.name ? 1 : 0, -2);
  const port = ((bytes.at(-2) ?? 0) << 8) | (bytes.at(-1) ?? 0);
  if (type !== TYPE.name) return { host: formatIp(address), port };
  const name = new TextDecoder("latin1").decode(address);
  // Nothing that a resolver, a log line or an SSH server could take for something else.
  if (!/^[A-Za-z0-9._:-]+$/.test(name)) return undefined;
  return { host: name, port };
}

/** An address and a port as they stand in a reply or in front of a datagram. */
export function encodeDestination({ host, port }: Destination): Uint8Array {
  const address = ipBytes(host);
  const name = address === undefined ? new TextEncoder().encode(host).subarray(0, 255) : undefined;
  const type = name !== undefined ? TYPE.name : address?.length === 4 ? TYPE.ipv4 : TYPE.ipv6;
  return Uint8Array.from([
    type,
    ...(name === undefined ? address ?? [] : [name.length, ...name]),
    port >> 8,
    port & 255,
  ]);
}

/** A reply; `bound` is the address the client may be told of. */
export function encodeReply(
  reply: number,
  bound: Destination = { host: "0.0.0.0", port: 0 },
): Uint8Array {
  return Uint8Array.from([VERSION, reply, 0, ...encodeDestination(bound)]);
}

/** A datagram of a client (RFC 1928, section 7). */
export interface Datagram {
  readonly to: Destination;
  readonly data: Uint8Array;
}

/** Reads a datagram; `undefined` for garbage and for fragments, which are optional and rare. */
export function parseDatagram(bytes: Uint8Array): Datagram | undefined {
  const [, , fragment, type = 0, first = 0] = bytes;
  const length = addressLength(type, first);
  if (fragment !== 0 || length === undefined) return undefined;
  const from = DATAGRAM_HEAD + 1;
  const end = from + length + 2;
  if (bytes.length < end) return undefined;
  const to = parseDestination(type, bytes.subarray(from, end));
  return to === undefined || to.port === 0 ? undefined : { to, data: bytes.subarray(end) };
}

/** A datagram for a client: `from` is the address it had sent to. */
export function encodeDatagram(from: Destination, data: Uint8Array): Uint8Array {
  const head = encodeDestination(from);
  const bytes = new Uint8Array(DATAGRAM_HEAD + head.length + data.length);
  bytes.set(head, DATAGRAM_HEAD);
  bytes.set(data, DATAGRAM_HEAD + head.length);
  return bytes;
}
