/** Turns the results of a run into text: tables of ratios, failures, targets, machine facts. */
import type { Facts } from "./facts.ts";
import type { Unit } from "./measure/measurement.ts";
import { PEER_TITLES, type PeerId } from "./peers/peer.ts";
import { ratioTo, type RowResult, valueOf } from "./results.ts";
import { figure, ratio, renderTable } from "./table.ts";
import { judge, type Judgement } from "./targets.ts";

/** Everything a report tells of. */
export interface Run {
  facts: Facts;
  peers: readonly PeerId[];
  results: readonly RowResult[];
  /** Why a peer could not be started at all. */
  absent: Partial<Record<PeerId, string>>;
}

const NOTHING = "–";

/** The whole report, in Markdown that is readable as it is. */
export function renderReport(run: Run): string {
  const roundTrips = [...new Set(run.results.map((it) => it.roundTrip))];
  const tables = roundTrips.flatMap((roundTrip) => [
    `### Round trip time ${roundTrip} ms`,
    renderResults(run, roundTrip),
  ]);
  const failures = renderFailures(run);
  return [
    ...tables,
    ...(failures === "" ? [] : ["### What failed", failures]),
    "### Targets",
    renderTargets(judge(run.results)),
    "### Machine",
    renderFacts(run.facts),
  ].join("\n\n");
}

/** Ratios of the agent to each peer first, then the values they were made from. */
function renderResults({ peers, results }: Run, roundTrip: number): string {
  const others = peers.filter((peer) => peer !== "agent");
  const header = ["", ...others.map((it) => `agent / ${PEER_TITLES[it]}`), "unit"];
  const rows = results.filter((it) => it.roundTrip === roundTrip).map((result) => [
    title(result),
    ...others.map((peer) =>
      NO_RATIO.has(result.row.unit) ? NOTHING : shown(ratioTo(result, peer), ratio)
    ),
    result.row.unit,
    ...peers.map((peer) => cell(result, peer)),
  ]);
  return renderTable([...header, ...peers.map((it) => PEER_TITLES[it])], rows);
}

/** How many times as many failures, nobody wants to know. */
const NO_RATIO: ReadonlySet<Unit> = new Set(["failures"]);
const MORE_IS_BETTER: ReadonlySet<Unit> = new Set(["MB/s"]);

function title({ row }: RowResult): string {
  return MORE_IS_BETTER.has(row.unit) ? `${row.title} (more is better)` : row.title;
}

function cell(result: RowResult, peer: PeerId): string {
  const value = valueOf(result, peer);
  if (value !== undefined) return figure(value);
  return result.cells[peer]?.failure === undefined ? NOTHING : "failed";
}

function shown(value: number | undefined, format: (value: number) => string): string {
  return value === undefined ? NOTHING : format(value);
}

function renderFailures({ results, absent }: Run): string {
  const lines = new Set<string>();
  for (const [peer, reason] of Object.entries(absent)) {
    lines.add(`- ${PEER_TITLES[peer as PeerId]}: ${reason}`);
  }
  for (const { measurement, roundTrip, cells } of results) {
    for (const [peer, { failure }] of Object.entries(cells)) {
      if (failure === undefined) continue;
      lines.add(`- ${PEER_TITLES[peer as PeerId]}, ${measurement}, ${roundTrip} ms: ${failure}`);
    }
  }
  return [...lines].join("\n");
}

/** One line per target and round trip time. */
function renderTargets(judgements: readonly Judgement[]): string {
  const rows = judgements.map(({ target, result, measured, verdict }) => {
    const bound = target.to === undefined
      ? `${target.limit} ${result.row.unit}`
      : `${target.limit}× ${PEER_TITLES[target.to]}`;
    const format = target.to === undefined ? figure : ratio;
    const rtt = `${result.roundTrip} ms`;
    return [result.row.title, rtt, `${target.sense} ${bound}`, shown(measured, format), verdict];
  });
  return renderTable(["", "round trip", "target", "measured", "verdict"], rows);
}

function renderFacts(facts: Facts): string {
  return Object.entries(facts).map(([name, value]) => `- ${name}: ${value}`).join("\n");
}
