/**
 * Makes the measurements: at each round trip time, each measurement, round by round, the peers in
 * turn. A peer that fails or hangs is recorded and the run goes on.
 */
import { messageOf } from "../../lib/errors.ts";
import type { Context, Measurement } from "./measure/measurement.ts";
import type { Peer } from "./peers/peer.ts";
import type { RowResult } from "./results.ts";

/** No round of one peer takes as long as this, unless the peer hangs. */
const ROUND_TIMEOUT_MS = 240_000;

/** What a run consists of. */
export interface Plan {
  roundTrips: readonly number[];
  measurements: readonly Measurement[];
  peers: readonly Peer[];
  roundsOf(measurement: Measurement): number;
  setRoundTrip(milliseconds: number): Promise<void>;
  /** Told before each measurement. */
  progress(line: string): void;
}

/** Makes all measurements; rejects only when `context.signal` is aborted or the link fails. */
export async function runPlan(plan: Plan, context: Context): Promise<RowResult[]> {
  const results: RowResult[] = [];
  for (const [index, roundTrip] of plan.roundTrips.entries()) {
    await plan.setRoundTrip(roundTrip);
    for (const measurement of plan.measurements) {
      if (measurement.onceOnly === true && index > 0) continue;
      plan.progress(`${String(roundTrip).padStart(3)} ms  ${measurement.id}`);
      results.push(...await runMeasurement(plan, measurement, roundTrip, context));
    }
  }
  return results;
}

async function runMeasurement(
  plan: Plan,
  measurement: Measurement,
  roundTrip: number,
  context: Context,
): Promise<RowResult[]> {
  const { id, rows, peers: able } = measurement;
  const results = rows.map((row): RowResult => ({ measurement: id, row, roundTrip, cells: {} }));
  const peers = plan.peers.filter((peer) => able === undefined || able.includes(peer.id));
  const rounds = plan.roundsOf(measurement);
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      const most = peer.id === "docker-ssh" ? measurement.roundsOfDockerSsh ?? rounds : rounds;
      if (round < most) await runRound(measurement, peer, results, context);
    }
  }
  return results;
}

/** One peer, one round; a peer that has failed in this measurement is not tried again. */
async function runRound(
  measurement: Measurement,
  peer: Peer,
  results: readonly RowResult[],
  context: Context,
): Promise<void> {
  const cells = results.map((it) => it.cells[peer.id] ??= { rounds: [] });
  if (cells.some((cell) => cell.failure !== undefined)) return;
  const timeout = AbortSignal.timeout(ROUND_TIMEOUT_MS);
  const signal = AbortSignal.any([context.signal, timeout]);
  try {
    const readings = await unlessAborted(signal, measurement.measure(peer, { ...context, signal }));
    for (const [index, { row }] of results.entries()) {
      cells[index]?.rounds.push([...readings[row.id] ?? []]);
    }
  } catch (error) {
    context.signal.throwIfAborted();
    const failure = timeout.aborted ? "no end in sight, given up" : messageOf(error);
    for (const cell of cells) cell.failure = failure;
  }
}

/** Settles with `work`, or rejects as soon as the signal is aborted, whatever `work` does then. */
async function unlessAborted<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", stop);
    // After an abort nobody waits for the work any more; how it ends is of no interest.
    work.catch(() => {});
  }
}
