/**
 * `deno task bench`: measures the agent side by side with its peers on a real remote host, prints
 * the tables, writes them as JSON and, after a complete run, into `docs/performance.md`. Whatever
 * ends it, Ctrl-C included, nothing it started is left behind.
 */
import { describeError, exitCodeOf, messageOf } from "../../lib/errors.ts";
import { updateDocs } from "./docs.ts";
import { gatherFacts } from "./facts.ts";
import { type BenchOptions, parseFlags, usage } from "./flags.ts";
import { MEASUREMENTS } from "./measure/all.ts";
import type { Peer, PeerId } from "./peers/peer.ts";
import { startPeer } from "./peers/start.ts";
import { warmUp } from "./peers/warm_up.ts";
import { renderReport, type Run } from "./report.ts";
import { acquireRig, type BenchRig } from "./rig.ts";
import { runPlan } from "./runner.ts";
import { setStage } from "./stage.ts";

const NAMES = MEASUREMENTS.map((it) => it.id);
const INTERRUPTED = 130;

/** Measures what the options ask for. */
async function bench(
  options: BenchOptions,
  { rig, setRoundTrip }: BenchRig,
  signal: AbortSignal,
): Promise<Run> {
  await using stack = new AsyncDisposableStack();
  const directory = await Deno.makeTempDir({ prefix: "rda-bench-" });
  stack.defer(() => Deno.remove(directory, { recursive: true }));
  const fresh = (id: PeerId) => startPeer(id, { rig, directory, signal });
  const direct = await fresh("direct");
  const facts = await gatherFacts(direct);
  const stage = await setStage(direct, directory, signal);
  stack.defer(() => stage.clear());

  const { peers, absent } = await startPeers(options.peers, fresh, stack, signal);
  const measurements = MEASUREMENTS.filter((it) =>
    options.only.length === 0 || options.only.includes(it.id)
  );
  const results = await runPlan({
    roundTrips: options.roundTrips,
    measurements,
    peers,
    roundsOf: ({ rounds }) => options.rounds ?? (options.quick ? rounds.quick : rounds.full),
    setRoundTrip,
    progress: (line) => console.error(line),
  }, { stage, signal, fresh });
  return { facts, peers: options.peers, results, absent };
}

/** Starts what can be started, for `stack` to stop; why the others are absent is told, and kept. */
async function startPeers(
  ids: readonly PeerId[],
  fresh: (id: PeerId) => Promise<Peer>,
  stack: AsyncDisposableStack,
  signal: AbortSignal,
): Promise<{ peers: Peer[]; absent: Run["absent"] }> {
  const peers: Peer[] = [];
  const absent: Run["absent"] = {};
  for (const id of ids) {
    try {
      const peer = await fresh(id);
      stack.defer(() => peer.stop());
      if (peer.pid !== undefined) await warmUp(peer, signal);
      peers.push(peer);
    } catch (error) {
      signal.throwIfAborted();
      absent[id] = messageOf(error);
      console.error(`bench: ${absent[id]}`);
    }
  }
  return { peers, absent };
}

/** Brings the host up, measures, and takes down what was brought up. */
async function onRig(options: BenchOptions, signal: AbortSignal): Promise<Run> {
  const rig = await acquireRig();
  try {
    return await bench(options, rig, signal);
  } finally {
    await rig.release();
  }
}

async function publish(run: Run, options: BenchOptions, complete: boolean): Promise<void> {
  const report = renderReport(run);
  console.log(report);
  const slash = options.json.lastIndexOf("/");
  if (slash > 0) await Deno.mkdir(options.json.slice(0, slash), { recursive: true });
  await Deno.writeTextFile(options.json, `${JSON.stringify(run, null, 2)}\n`);
  console.error(`Results: ${options.json}`);
  if (complete) console.error(`Table: ${await updateDocs(report)}`);
}

async function main(args: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new Error("Interrupted"));
  try {
    const options = parseFlags(args, NAMES);
    if (options.help) {
      console.log(usage(NAMES));
      return 0;
    }
    Deno.addSignalListener("SIGINT", onSignal);
    Deno.addSignalListener("SIGTERM", onSignal);
    const run = await onRig(options, interrupt.signal);
    const complete = args.every((arg) => arg.startsWith("--json"));
    await publish(run, options, complete && Object.keys(run.absent).length === 0);
    return Object.keys(run.absent).length === 0 ? 0 : 1;
  } catch (error) {
    console.error(`bench: ${describeError(error)}`);
    return interrupt.signal.aborted ? INTERRUPTED : exitCodeOf(error);
  }
}

if (import.meta.main) Deno.exit(await main(Deno.args));
