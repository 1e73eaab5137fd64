/** The command line of the bench: one table, parsed to options; anything else is one clear error. */
import { AgentError } from "../../lib/errors.ts";
import { MAIN_PEER_IDS, PEER_IDS, type PeerId } from "./peers/peer.ts";

/** What to measure. */
export interface BenchOptions {
  quick: boolean;
  help: boolean;
  /** Names of measurements; empty: all. */
  only: string[];
  peers: PeerId[];
  /** Round trip times of the link, in ms. */
  roundTrips: number[];
  /** Rounds of each measurement; `undefined`: as each measurement says. */
  rounds: number | undefined;
  /** Where the results go. */
  json: string;
}

const MAX_ROUND_TRIP_MS = 1000;
const MAX_ROUNDS = 1000;
const FULL_ROUND_TRIPS = [0, 20, 50];
const QUICK_ROUND_TRIPS = [0, 20];

/** The text of `--help`. */
export function usage(measurements: readonly string[]): string {
  return `Usage: deno task bench [FLAGS]

  --quick         fewer rounds, and round trip times of ${QUICK_ROUND_TRIPS.join(" and ")} ms only
  --only NAMES    some measurements: ${measurements.join(", ")}
  --peers NAMES   some peers: ${PEER_IDS.join(", ")}
  --rtt LIST      round trip times in ms, such as 0,20
  --rounds N      rounds of each measurement
  --json FILE     where the results go (default: dist/bench.json)
  --help          this text

The remote host is the one named by RDA_RIG_NAME, or one made for the run.`;
}

/** Parses the command line; throws `AgentError` of kind `usage`. */
export function parseFlags(
  args: readonly string[],
  measurements: readonly string[],
): BenchOptions {
  const values = readFlags(args);
  const quick = values.has("quick");
  return {
    quick,
    help: values.has("help"),
    only: names("only", values.get("only"), measurements) ?? [],
    peers: names("peers", values.get("peers"), PEER_IDS) ?? [...MAIN_PEER_IDS],
    roundTrips: numbers("rtt", values.get("rtt"), 0, MAX_ROUND_TRIP_MS) ??
      (quick ? QUICK_ROUND_TRIPS : FULL_ROUND_TRIPS),
    rounds: numbers("rounds", values.get("rounds"), 1, MAX_ROUNDS)?.[0],
    json: values.get("json") ?? "dist/bench.json",
  };
}

const SWITCHES = new Set(["quick", "help"]);
const VALUED = new Set(["only", "peers", "rtt", "rounds", "json"]);

function readFlags(args: readonly string[]): Map<string, string> {
  const values = new Map<string, string>();
  for (let i = 0; i < args.length; i++) {
    const arg = args[i] ?? "";
    const [, name = "", inline] = /^--([a-z]+)(?:=(.*))?$/.exec(arg) ?? [];
    if (SWITCHES.has(name) && inline === undefined) {
      values.set(name, "");
    } else if (VALUED.has(name)) {
      const value = inline ?? args[++i];
      if (value === undefined || value === "") fail(`Flag "--${name}" needs a value`);
      values.set(name, value);
    } else {
      fail(`Unknown flag "${arg}"`);
    }
  }
  return values;
}

function names<T extends string>(
  flag: string,
  value: string | undefined,
  known: readonly T[],
): T[] | undefined {
  return value?.split(",").map((name) =>
    known.find((candidate) => candidate === name) ??
      fail(`Flag "--${flag}" does not know "${name}"`, `Use some of ${known.join(", ")}`)
  );
}

function numbers(
  flag: string,
  value: string | undefined,
  least: number,
  most: number,
): number[] | undefined {
  return value?.split(",").map((text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    fail(`Flag "--${flag}" cannot take "${text}"`, `Give whole numbers from ${least} to ${most}`);
  });
}

function fail(message: string, hint = "See deno task bench --help"): never {
  throw new AgentError("usage", message, { hint });
}
