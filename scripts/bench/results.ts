/** The results of a run, as plain data: what the runner fills and the reports read. */
import type { Row } from "./measure/measurement.ts";
import type { PeerId } from "./peers/peer.ts";
import { pairedRatio, pooledMedian } from "./stats.ts";

/** What one peer gave in one row at one round trip time. */
export interface Cell {
  /** Samples by round; a round in which the peer failed is empty. */
  rounds: number[][];
  /** The first failure, if there was one. */
  failure?: string;
}

/** One row at one round trip time. */
export interface RowResult {
  measurement: string;
  row: Row;
  /** Of the link, in ms, as it was set. */
  roundTrip: number;
  cells: Partial<Record<PeerId, Cell>>;
}

/** The median of a peer's samples, if it has any. */
export function valueOf(result: RowResult, peer: PeerId): number | undefined {
  return pooledMedian(result.cells[peer]?.rounds ?? []);
}

/** How many times a peer's value the agent's is, if both have any. */
export function ratioTo(result: RowResult, peer: PeerId): number | undefined {
  return pairedRatio(result.cells.agent?.rounds ?? [], result.cells[peer]?.rounds ?? []);
}
