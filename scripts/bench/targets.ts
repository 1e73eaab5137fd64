/** The targets the agent is held to, as data, and how a run is judged by them. */
import type { PeerId } from "./peers/peer.ts";
import { ratioTo, type RowResult, valueOf } from "./results.ts";

/** One target: the agent's value of a row, or its ratio to a peer, at some round trip times. */
export interface Target {
  row: string;
  roundTrips: readonly number[];
  /** The peer the ratio is taken to; absent: the value itself, in the row's unit. */
  to?: PeerId;
  sense: "at most" | "at least";
  limit: number;
}

/** How a run did at one target and one round trip time. */
export interface Judgement {
  target: Target;
  result: RowResult;
  measured: number | undefined;
  verdict: "pass" | "miss" | "not measured";
}

const ANY = [0, 20, 50];

/** See the file comment. */
export const TARGETS: readonly Target[] = [
  { row: "docker-ps", roundTrips: [0], to: "ssh-l", sense: "at most", limit: 1.2 },
  { row: "docker-ps", roundTrips: [20, 50], to: "ssh-l", sense: "at most", limit: 0.5 },
  { row: "docker-ps", roundTrips: [20, 50], to: "docker-ssh", sense: "at most", limit: 0.15 },
  { row: "ping-fresh", roundTrips: [20, 50], to: "ssh-l", sense: "at most", limit: 0.5 },
  { row: "list-fresh", roundTrips: [20, 50], to: "ssh-l", sense: "at most", limit: 0.6 },
  { row: "parallel-failures", roundTrips: ANY, sense: "at most", limit: 0 },
  { row: "image-save", roundTrips: ANY, to: "ssh-l", sense: "at least", limit: 0.35 },
  { row: "image-load", roundTrips: ANY, to: "ssh-l", sense: "at least", limit: 0.35 },
  { row: "forward-bulk", roundTrips: [0, 20], to: "ssh-l", sense: "at least", limit: 0.35 },
  { row: "forward-parallel", roundTrips: [0, 20], to: "ssh-l", sense: "at least", limit: 0.35 },
  { row: "forward-echo", roundTrips: [0, 20], to: "ssh-l", sense: "at most", limit: 1.2 },
  { row: "forward-open", roundTrips: [20], to: "ssh-l", sense: "at most", limit: 1.2 },
  { row: "rss-connection", roundTrips: ANY, sense: "at most", limit: 64 },
  { row: "rss-slow", roundTrips: ANY, sense: "at most", limit: 32 },
];

/** Judges every target for which the run has a row. */
export function judge(
  results: readonly RowResult[],
  targets: readonly Target[] = TARGETS,
): Judgement[] {
  return targets.flatMap((target) =>
    results
      .filter((it) => it.row.id === target.row && target.roundTrips.includes(it.roundTrip))
      .map((result) => judgeOne(target, result))
  );
}

function judgeOne(target: Target, result: RowResult): Judgement {
  const measured = target.to === undefined ? valueOf(result, "agent") : ratioTo(result, target.to);
  if (measured === undefined) return { target, result, measured, verdict: "not measured" };
  const kept = target.sense === "at most" ? measured <= target.limit : measured >= target.limit;
  return { target, result, measured, verdict: kept ? "pass" : "miss" };
}
