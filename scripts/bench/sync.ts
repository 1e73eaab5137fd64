/**
 * Measures synced folders side by side with `rsync -a` over ssh on a real remote host, and judges them
 * by their targets. Usage: `deno run -A scripts/bench/sync.ts [--scale 0.1] [--rounds 3] [--rtt 0,20]
 * [--only first,barrier,watched]`. The host is the one named by RDA_RIG_NAME, or one made for the run.
 */
import { configureLogging } from "../../lib/log.ts";
import { acquireRig } from "./rig.ts";
import { barrier, type Effort, firstSync, type Samples, watched } from "./sync/measure.ts";
import { SyncStage } from "./sync/stage.ts";
import { median } from "./stats.ts";
import { figure, ratio, renderTable } from "./table.ts";

/** One figure and what it is held to; `rtt` is the round trip time in ms. */
interface Row {
  readonly id: string;
  readonly title: string;
  readonly unit: string;
  /** Row of the peer a ratio is taken to. */
  readonly peer?: string;
  readonly limit: (rtt: number) => number;
}

const ROWS: readonly Row[] = [
  {
    id: "many",
    title: "first sync, 10,000 files of 100 MB",
    unit: "ms",
    peer: "many-rsync",
    limit: () => 1,
  },
  {
    id: "large",
    title: "first sync, 20 files of 1 GB",
    unit: "ms",
    peer: "large-rsync",
    limit: () => 1.2,
  },
  {
    id: "barrier",
    title: "no change, 50,000 files, not watched",
    unit: "ms",
    limit: (rtt) => 2 * rtt + 100,
  },
  {
    id: "barrier-used",
    title: "no change, 50,000 files, watched",
    unit: "ms",
    limit: (rtt) => 2 * rtt + 100,
  },
  { id: "saved", title: "one saved file is there", unit: "ms", limit: (rtt) => rtt + 150 },
  { id: "written", title: "one written there is here", unit: "ms", limit: () => 1000 },
  { id: "cpu", title: "CPU at rest, 50,000 files", unit: "%", limit: () => 1 },
  { id: "memory", title: "memory, 50,000 files", unit: "MB", limit: () => 60 },
];

const MEASUREMENTS: Readonly<Record<string, (s: SyncStage, e: Effort) => Promise<Samples>>> = {
  first: firstSync,
  barrier,
  watched,
};

function render(samples: Samples, rtt: number): string[][] {
  return ROWS.flatMap(({ id, title, unit, peer, limit }) => {
    const values = samples[id] ?? [];
    if (values.length === 0) return [];
    const others = peer === undefined ? [] : samples[peer] ?? [];
    const ratios = values.map((value, i) => value / (others[i] ?? NaN));
    const measured = peer === undefined ? median(values) : median(ratios);
    const bound = limit(rtt);
    return [[
      title,
      `${rtt} ms`,
      `${figure(median(values))} ${unit}`,
      peer === undefined ? "–" : `${figure(median(others))} ${unit}`,
      peer === undefined ? "–" : ratio(measured),
      peer === undefined ? `${bound} ${unit}` : ratio(bound),
      measured <= bound ? "pass" : "miss",
    ]];
  });
}

function flag(name: string, otherwise: string): string {
  const at = Deno.args.indexOf(`--${name}`);
  return at < 0 ? otherwise : Deno.args[at + 1] ?? otherwise;
}

async function main(): Promise<void> {
  configureLogging({ level: "warn", format: "text", write: (line) => console.error(line) });
  const only = flag("only", Object.keys(MEASUREMENTS).join(",")).split(",");
  const interrupt = new AbortController();
  Deno.addSignalListener("SIGINT", () => interrupt.abort(new Error("Interrupted")));
  const effort = {
    scale: Number(flag("scale", "1")),
    rounds: Number(flag("rounds", "3")),
    signal: interrupt.signal,
  };
  const rig = await acquireRig();
  const rows: string[][] = [];
  try {
    for (const rtt of flag("rtt", "0,20").split(",").map(Number)) {
      await using stage = await SyncStage.open(rig.rig);
      await rig.setRoundTrip(rtt);
      for (const name of only) {
        console.error(`${rtt} ms  ${name}`);
        const measured = render(await MEASUREMENTS[name]?.(stage, effort) ?? {}, rtt);
        for (const row of measured) console.error(`  ${row.join("  ")}`);
        rows.push(...measured);
      }
    }
  } finally {
    await rig.release();
  }
  console.log(
    renderTable(["", "round trip", "agent", "rsync", "ratio", "at most", "verdict"], rows),
  );
}

if (import.meta.main) await main();
