/** Peers that are one local process listening on a Unix socket: start it, wait until it answers. */
import { ApiConnection } from "../api_connection.ts";
import { dialUnix } from "../byte_stream.ts";
import { type Child, startChild } from "../child.ts";
import { sleep } from "../sleep.ts";
import { type Peer, PEER_TITLES, type PeerId, type PeerOptions } from "./peer.ts";

/** How long a peer may take until the engine answers through it. */
const START_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

/** The command line of a listening peer. */
export interface ListeningCommand {
  id: PeerId;
  command: string;
  args: readonly string[];
  /** Where it will listen. */
  socket: string;
}

/** Starts the process; throws, naming the end of its standard error, when it does not come up. */
export async function startListening(
  { id, command, args, socket }: ListeningCommand,
  { directory, signal }: PeerOptions,
): Promise<Peer> {
  const child = startChild(command, args);
  try {
    await untilAnswered(id, child, socket, signal);
  } catch (error) {
    await child.stop();
    throw error;
  }
  return {
    id,
    env: { DOCKER_HOST: `unix://${socket}`, DOCKER_CONFIG: directory },
    pid: child.pid,
    dial: () => dialUnix(socket),
    stop: () => child.stop(),
  };
}

async function untilAnswered(
  id: PeerId,
  child: Child,
  socket: string,
  signal: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!await answers(socket)) {
    if (child.ended() || performance.now() > deadline) {
      throw new Error(`Cannot start "${PEER_TITLES[id]}": ${child.tail() || "no answer"}`);
    }
    await sleep(POLL_MS, signal);
  }
}

/** Whether the engine answers; no socket yet, or a connection that closes, is an ordinary "no". */
async function answers(socket: string): Promise<boolean> {
  try {
    const connection = new ApiConnection(await dialUnix(socket));
    try {
      return (await connection.request("GET", "/version")).status === 200;
    } finally {
      await connection.close();
    }
  } catch {
    return false;
  }
}
