/**
 * Finds out that a peer takes nothing any more of what it is sent: something on the way has forgotten the
 * connection and says so to nobody. Keep-alive does not help there, because it asks only where nothing is
 * under way; Linux repeats what was sent for about 15 minutes (tcp_retries2 in tcp(7)). Its limit for a
 * single connection (TCP_USER_TIMEOUT) would also end those whose peer is there and has no room for more.
 * On other systems nothing can be asked this way; they give up by their own rules.
 */
import type { Socket } from "node:net";
import { IPPROTO_TCP, type SocketCalls, withDescriptor } from "./descriptor.ts";

// Linux's value, the same on x86-64 and arm64 (netinet/tcp.h).
const TCP_INFO = 11;
/** `struct tcp_info` has grown at its end only; this is up to and with `tcpi_last_ack_recv`. */
const INFO_BYTES = 60;
const RETRANSMITS = 2;
const LAST_ACK_RECV = 56;

/** Repetitions of one segment, the pauses doubling from 0.2 s or more: this many take 25 s at least. */
const MANY = 7;
/** A peer that is there but has no room for more answers all the same. In milliseconds. */
const SILENCE_MS = 20_000;

/** Whether the system has repeated something again and again, and heard nothing. */
export function isUnanswered(socket: Socket): boolean {
  const info = withDescriptor(socket, infoOf);
  return info !== undefined && saysUnanswered(info);
}

/** The same of a `struct tcp_info`. */
export function saysUnanswered(info: Uint8Array): boolean {
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  const silence = view.getUint32(LAST_ACK_RECV, IS_LITTLE_ENDIAN);
  return view.getUint8(RETRANSMITS) >= MANY && silence >= SILENCE_MS;
}

const IS_LITTLE_ENDIAN = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

function infoOf(descriptor: number, { getsockopt }: SocketCalls): Uint8Array | undefined {
  const info = new Uint8Array(INFO_BYTES);
  const length = new Uint32Array([INFO_BYTES]);
  const isTold = getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, info, length) === 0 &&
    length[0] === INFO_BYTES;
  return isTold ? info : undefined;
}
