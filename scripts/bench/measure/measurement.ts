/** What a measurement is: rows of the result table, and how one peer is measured in one round. */
import type { Peer, PeerId } from "../peers/peer.ts";
import type { Stage } from "../stage.ts";

/** What a row's figures count. */
export type Unit = "ms" | "MB/s" | "MiB" | "KiB" | "failures";

/** One row of the result table. */
export interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: Unit;
}

/** The samples of one round, by row. */
export type Readings = Record<string, readonly number[]>;

/** What a measurement works with. */
export interface Context {
  readonly stage: Stage;
  readonly signal: AbortSignal;
  /** Starts another instance of a peer, with a fresh process; the caller stops it. */
  fresh(id: PeerId): Promise<Peer>;
}

/** See the file comment. */
export interface Measurement {
  readonly id: string;
  readonly rows: readonly Row[];
  /** How many rounds a full and a quick run make. */
  readonly rounds: { readonly full: number; readonly quick: number };
  /** How many of these rounds `docker -H ssh://` takes part in, when they are too long for all. */
  readonly roundsOfDockerSsh?: number;
  /** The peers that can be measured; default: all. */
  readonly peers?: readonly PeerId[];
  /** Whether the round trip time matters; if not, it is measured at the first one only. */
  readonly onceOnly?: boolean;
  /** One round of one peer. Throws when the peer cannot be measured. */
  measure(peer: Peer, context: Context): Promise<Readings>;
}
