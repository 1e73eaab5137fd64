/**
 * SOCKS 5 for one client (RFC 1928): negotiates, authenticates where users are given (RFC 1929), and
 * does what it asks for. CONNECT and UDP ASSOCIATE are offered; BIND, which no client of today uses,
 * is not.
 */
import type { Emit } from "../agent_event.ts";
import type { Logger } from "../log.ts";
import { formatHostPort } from "../net/address.ts";
import type { Duplex } from "../net/duplex.ts";
import type { Dialer } from "./dialer.ts";
import { BridgeFailure, failureOf } from "./failure.ts";
import { HandshakeReader } from "./handshake_reader.ts";
import type { BridgeClient } from "./listener.ts";
import {
  addressLength,
  COMMAND,
  type Destination,
  encodeReply,
  METHOD,
  parseDestination,
  PASSWORD_VERSION,
  REPLY,
  REPLY_FOR,
  VERSION,
} from "./socks_wire.ts";
import { endClient, join, whileOpen, withinHandshake } from "./tunnel.ts";
import type { UdpAssociations } from "./udp.ts";
import type { CheckUser } from "./users.ts";

/** What a SOCKS server is made of. */
export interface SocksOptions {
  readonly dialer: Dialer;
  readonly udp: UdpAssociations;
  /** Who may use it. Absent: whoever can connect. */
  readonly checkUser?: CheckUser;
  readonly log: Logger;
  readonly emit: Emit;
}

/** A client that is sent away; `reply` are the last bytes for it, where the protocol has some. */
class Refused extends Error {
  readonly reply: Uint8Array | undefined;

  constructor(message: string, reply?: Uint8Array) {
    super(message);
    this.reply = reply;
  }
}

interface Request extends Destination {
  readonly command: number;
}

/** Serves one client to its end. */
export async function serveSocks(client: BridgeClient, options: SocksOptions): Promise<void> {
  const { duplex, remote } = client;
  const log = options.log.with({ client: remote });
  const reader = new HandshakeReader(duplex);
  try {
    const request = await withinHandshake(duplex, async () => {
      await authenticate(reader, duplex, options.checkUser);
      return await readRequest(reader);
    });
    await carryOut(request, reader.handOver(), client, { ...options, log });
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    log.info(`Refused a SOCKS client: ${error.message}`);
    options.emit({ kind: "client.refused", client: remote, reason: error.message });
    if (error.reply !== undefined) await duplex.write(error.reply);
    await endClient(duplex);
  }
}

async function authenticate(
  reader: HandshakeReader,
  duplex: Duplex,
  checkUser: CheckUser | undefined,
): Promise<void> {
  const [version = 0, count = 0] = await reader.take(2);
  if (version !== VERSION) throw new Refused(strange(version));
  const methods = await reader.take(count);
  const method = checkUser === undefined ? METHOD.none : METHOD.password;
  if (!methods.includes(method)) {
    const why = checkUser === undefined ? "it insists on a password" : "it offers no password";
    throw new Refused(why, Uint8Array.of(VERSION, METHOD.unacceptable));
  }
  await duplex.write(Uint8Array.of(VERSION, method));
  if (checkUser !== undefined) await checkPassword(reader, duplex, checkUser);
}

/** RFC 1929. */
async function checkPassword(
  reader: HandshakeReader,
  duplex: Duplex,
  checkUser: CheckUser,
): Promise<void> {
  const [version = 0, length = 0] = await reader.take(2);
  if (version !== PASSWORD_VERSION) throw new Refused("malformed password negotiation");
  const decoder = new TextDecoder();
  const user = decoder.decode(await reader.take(length));
  const [passwordLength = 0] = await reader.take(1);
  const password = decoder.decode(await reader.take(passwordLength));
  if (!checkUser(user, password)) {
    throw new Refused("wrong user or password", Uint8Array.of(PASSWORD_VERSION, 1));
  }
  await duplex.write(Uint8Array.of(PASSWORD_VERSION, 0));
}

async function readRequest(reader: HandshakeReader): Promise<Request> {
  const [version = 0, command = 0, , type = 0, first = 0] = await reader.take(5);
  if (version !== VERSION) throw new Refused("malformed request");
  const length = addressLength(type, first);
  if (length === undefined) {
    throw new Refused(`address type ${type}`, encodeReply(REPLY.addressTypeNotSupported));
  }
  // The first byte of the address has been read already.
  const rest = await reader.take(length - 1 + 2);
  const destination = parseDestination(type, Uint8Array.from([first, ...rest]));
  if (destination === undefined) {
    throw new Refused("a name that is none", encodeReply(REPLY.generalFailure));
  }
  return { command, ...destination };
}

async function carryOut(
  request: Request,
  duplex: Duplex,
  client: BridgeClient,
  options: SocksOptions,
): Promise<void> {
  switch (request.command) {
    case COMMAND.connect:
      return await connect(request, duplex, client, options);
    case COMMAND.udpAssociate:
      return await associate(request, duplex, client, options);
    default:
      throw new Refused(
        `command ${request.command} is not supported`,
        encodeReply(REPLY.commandNotSupported),
      );
  }
}

async function connect(
  request: Request,
  duplex: Duplex,
  client: BridgeClient,
  { dialer, log }: SocksOptions,
): Promise<void> {
  const where = formatHostPort(request.host, request.port);
  let upstream: Duplex;
  try {
    upstream = await dialer.dial(request, whileOpen(duplex, client.signal));
  } catch (error) {
    if (client.signal.aborted) throw error;
    await replyFailure(duplex, failureOf(where, error), log);
    return;
  }
  log.debug("Connected", { to: where });
  try {
    await duplex.write(encodeReply(REPLY.succeeded));
  } catch (error) {
    upstream.close();
    throw error;
  }
  await join(duplex, upstream, client, log);
}

async function associate(
  request: Request,
  duplex: Duplex,
  client: BridgeClient,
  { udp, log }: SocksOptions,
): Promise<void> {
  const unavailable = await udp.unavailable();
  if (unavailable !== undefined) {
    const failure = new BridgeFailure("unsupported", `Cannot carry datagrams: ${unavailable}`);
    await replyFailure(duplex, failure, log);
    return;
  }
  const association = await udp.open(client, request.port);
  try {
    await duplex.write(encodeReply(REPLY.succeeded, association.local));
    log.debug("Associated", { port: association.local.port });
    // The association lives as long as this connection (RFC 1928, section 6).
    while (await duplex.read() !== null);
  } finally {
    association.close();
  }
}

async function replyFailure(duplex: Duplex, failure: BridgeFailure, log: Logger): Promise<void> {
  log.info(failure.message);
  await duplex.write(encodeReply(REPLY_FOR[failure.kind]));
  await endClient(duplex);
}

function strange(version: number): string {
  if (version === 4) return "it speaks SOCKS 4; use socks5h";
  if (version === 0x16) return "it speaks TLS";
  return /[A-Z]/.test(String.fromCharCode(version)) ? "it speaks HTTP" : "it does not speak SOCKS";
}
