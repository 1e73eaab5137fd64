/**
 * Reaches a host directly or through its jump hosts: each hop is a full SSH connection with its own
 * host key check and authentication, carried by a channel of the one before.
 */
import { AgentError } from "../../errors.ts";
import { formatHostPort } from "../../net/address.ts";
import type { Duplex } from "../../net/duplex.ts";
import { channelDuplex } from "./channel.ts";
import type { Connection } from "./connection.ts";
import { dialTcp } from "./dial.ts";
import { handshake, prepare, type Prepared, type SshDeps } from "./handshake.ts";
import { plainMessage } from "./open_failure.ts";
import type { ResolvedSsh } from "./settings.ts";
import { endServerDelay } from "./shell.ts";
import { loseWithAddress } from "./local_address.ts";
import { SshSocket } from "./socket.ts";

/**
 * A connection to `target`. When it closes, the connections to the jump hosts are closed with it.
 * Throws as {@link handshake} does; the error names the jump host it happened at.
 */
export async function connectThrough(
  target: ResolvedSsh,
  deps: SshDeps,
  signal: AbortSignal,
): Promise<Connection> {
  const hops: Prepared[] = [];
  for (const host of [...target.jumps, target]) {
    hops.push(await atHop(host, target, () => prepare(host, hops.length > 0, deps, signal)));
  }
  let last: Connection | undefined;
  for (const hop of hops) {
    const before = last;
    try {
      last = await atHop(hop.host, target, () => connectHop(hop, before, signal));
    } catch (error) {
      before?.close();
      throw error;
    }
    if (before !== undefined) last.closed.then(() => before.close());
    if (hop.host !== target) endServerDelay(last);
  }
  if (last === undefined) throw new Error("A chain has at least its target");
  return last;
}

async function connectHop(
  hop: Prepared,
  before: Connection | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const { hostName: host, port, connectTimeoutMs: timeoutMs } = hop.host;
  let from: string | undefined;
  const onLocalAddress = (address: string) => from = address;
  const stream = before === undefined
    ? await dialTcp({ host, port, timeoutMs, signal, onLocalAddress })
    : await dialThrough(before, hop.host, signal);
  const connection = await handshake(hop, new SshSocket(stream), signal);
  if (from !== undefined) loseWithAddress(connection, from);
  return connection;
}

async function dialThrough(
  before: Connection,
  { hostName, port, connectTimeoutMs }: ResolvedSsh,
  signal: AbortSignal,
): Promise<Duplex> {
  const where = formatHostPort(hostName, port);
  const limit = AbortSignal.timeout(connectTimeoutMs);
  try {
    const channel = await before.channel(
      (client, done) => client.forwardOut("127.0.0.1", 0, hostName, port, done),
      AbortSignal.any([signal, limit]),
    );
    return channelDuplex(channel, before);
  } catch (cause) {
    signal.throwIfAborted();
    const why = limit.aborted
      ? `timed out after ${connectTimeoutMs / 1000} s`
      : plainMessage(cause);
    throw new AgentError("unreachable", `Cannot reach ${where} from ${before.peer.name}: ${why}`, {
      cause,
      hint: "check the host and port, and that the jump host allows TCP forwarding",
    });
  }
}

async function atHop<T>(
  host: ResolvedSsh,
  target: ResolvedSsh,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (host === target || !(error instanceof AgentError)) throw error;
    throw new AgentError(error.kind, `Jump host "${host.host}": ${error.message}`, {
      cause: error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    });
  }
}
