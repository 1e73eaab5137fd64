/**
 * A peer is one way to reach the engine of the remote host: ours, or one of those it is compared
 * with. All are used the same way, through the docker CLI with `env` or through `dial`.
 */
import type { ByteStream } from "../byte_stream.ts";
import type { Forwards } from "./forwards.ts";
import type { Rig } from "../../../tests/support/rig.ts";

/** The peers of a complete run, in the order measured and shown. */
export const MAIN_PEER_IDS = ["agent", "direct", "ssh-l", "docker-ssh"] as const;
/** All peers; the others are measured when they are asked for. */
export const PEER_IDS = [...MAIN_PEER_IDS, "mtls", "stunnel"] as const;
/** See {@link PEER_IDS}. */
export type PeerId = typeof PEER_IDS[number];

/** The name of each peer in tables. */
export const PEER_TITLES: Record<PeerId, string> = {
  agent: "agent",
  direct: "direct socket",
  "ssh-l": "ssh -L",
  "docker-ssh": "docker -H ssh://",
  mtls: "agent, mTLS",
  stunnel: "stunnel",
};

/** A running peer; whoever started it stops it. */
export interface Peer {
  readonly id: PeerId;
  /** The environment of a docker CLI that is to use this peer. */
  readonly env: Record<string, string>;
  /** The local process that carries everything, for peers that have exactly one. */
  readonly pid?: number;
  /** Local ports that lead to the stage's servers, for peers that can forward. */
  readonly forwards?: Forwards;
  /** A new connection that speaks the Engine API. The caller closes it. */
  dial(): Promise<ByteStream>;
  /** Ends everything the peer started. Idempotent, never rejects. */
  stop(): Promise<void>;
}

/** What a peer needs to start. */
export interface PeerOptions {
  rig: Rig;
  /** An own, existing directory for sockets and files. */
  directory: string;
  signal: AbortSignal;
}
