/**
 * Runs everything that can be tested here: the gate (format, lint, types, import direction), the
 * unit tests, and the end-to-end tests with the rig around them. Ends with one line to read, such
 * as `120 passed, 0 failed, 3 skipped`, after the names of what was skipped and why.
 *
 * Arguments: any of `gate`, `unit`, `e2e` (default: all three), then paths or flags for
 * `deno test`, such as `e2e tests/e2e/run_test.ts --filter attach`.
 *
 * The tests run in a process group of their own: whatever happens, the group is ended before the
 * rig goes down, so that no client is left talking to a host that is gone.
 *
 * The end-to-end tests run the portable file, built first: what users download. `RDA_E2E_PROGRAM`
 * names another executable, or `sources`.
 */
import {
  newerRigName,
  type Rig,
  RIG_UP_VARIABLE,
  rigDown,
  rigName,
  rigUp,
  unsupported,
} from "../tests/support/rig.ts";
import { SKIPPED_BECAUSE } from "../tests/support/e2e.ts";
import { PROGRAM_VARIABLE } from "../tests/support/program.ts";
import { TIME_LIMIT_VARIABLE } from "../tests/support/time_limit.ts";
import { buildPortable } from "./portable.ts";
import { summarize, type Summary } from "./support/junit.ts";

const PARTS = ["gate", "unit", "e2e"] as const;
type Part = typeof PARTS[number];

/** What one test may take on a slow and busy machine; a hung one costs no more than this. */
const TEST_SECONDS = { unit: 300, e2e: 900 };
const TIME_LIMIT = new URL("../tests/support/time_limit.ts", import.meta.url).pathname;

const ROOT = new URL("..", import.meta.url).pathname;

/** Why the run was ended from outside, if it was. */
const stopping = new AbortController();

async function main(args: readonly string[]): Promise<number> {
  const asked = PARTS.filter((part) => args.includes(part));
  const parts = asked.length === 0 ? PARTS : asked;
  const extra = args.filter((arg) => !PARTS.some((part) => part === arg));
  const total: Summary = { passed: 0, failed: [], skipped: [] };
  const runAll = async (env: Record<string, string>) => {
    for (const part of parts) {
      if (!stopping.signal.aborted) add(total, await runPart(part, extra, env));
    }
  };
  // The rig comes first: it also installs the tools that some unit tests compare with.
  if (parts.includes("e2e")) await withRig(runAll, total);
  else await runAll({});
  if (stopping.signal.aborted) total.failed.push(`stopped by ${stopping.signal.reason}`);
  report(total);
  return total.failed.length === 0 ? 0 : 1;
}

function add(total: Summary, more: Summary): void {
  total.passed += more.passed;
  total.failed.push(...more.failed);
  total.skipped.push(...more.skipped);
}

async function runPart(
  part: Part,
  extra: readonly string[],
  env: Record<string, string>,
): Promise<Summary> {
  console.log(`\n== ${part}`);
  if (part === "gate") {
    const code = await run(["task", "--quiet", "gate"], {});
    return { passed: 0, failed: code === 0 ? [] : ["gate"], skipped: [] };
  }
  const paths = extra.some((arg) => !arg.startsWith("-")) ? [] : [`tests/${part}`];
  return await denoTest(part, [...paths, ...extra], env);
}

/** Keeps the rig up around `body`; where there can be none, `body` runs all the same and skips. */
async function withRig(
  body: (env: Record<string, string>) => Promise<void>,
  total: Summary,
): Promise<void> {
  if (unsupported() !== undefined) return await body({});
  const name = rigName();
  using _lock = await lockRig(name);
  try {
    const rig: Rig = await rigUp(name);
    console.log(`The rig is up: ${rig.user}@${rig.address}`);
    await body({ [RIG_UP_VARIABLE]: "1" });
  } catch (error) {
    console.error(error);
    total.failed.push(`the rig: ${error}`);
  } finally {
    rigDown(name);
    rigDown(newerRigName()); // a test file that was ended has left it
  }
}

/** One run at a time per rig, whichever checkout it belongs to. */
async function lockRig(name: string): Promise<Disposable> {
  const path = `/tmp/rda-test-${name}.lock`;
  const file = await Deno.open(path, { create: true, write: true });
  const timer = setTimeout(() => console.log(`Waiting for another run (${path})`), 1_000);
  await file.lock(true);
  clearTimeout(timer);
  return { [Symbol.dispose]: () => file.close() };
}

/** Temporary files of the tests lie in one directory, which goes with them. */
async function denoTest(
  part: Exclude<Part, "gate">,
  args: readonly string[],
  env: Record<string, string>,
): Promise<Summary> {
  const directory = await Deno.makeTempDir({ prefix: "rda-" });
  const junit = `${directory}/junit.xml`;
  try {
    const program = part === "e2e" ? await programUnderTest(directory) : {};
    const reports = [`--junit-path=${junit}`, `--preload=${TIME_LIMIT}`];
    const code = await run(["test", "-A", "--quiet", ...reports, ...args], {
      ...env,
      ...program,
      TMPDIR: directory,
      [TIME_LIMIT_VARIABLE]: String(TEST_SECONDS[part]),
    });
    const summary = summarize(await Deno.readTextFile(junit).catch(() => "")); // none if it crashed
    if (code !== 0 && summary.failed.length === 0 && !stopping.signal.aborted) {
      summary.failed.push(`${part}: deno test ended with ${code} outside of a test, see above`);
    }
    return summary;
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** The variable that makes the tests run the portable file, which lies in `directory`. */
async function programUnderTest(directory: string): Promise<Record<string, string>> {
  const named = Deno.env.get(PROGRAM_VARIABLE);
  if (named !== undefined || Deno.build.os === "windows") return {};
  const file = `${directory}/remote-docker-agent`;
  await buildPortable(file, "test");
  console.log(`The program under test is the portable file`);
  return { [PROGRAM_VARIABLE]: file };
}

/** Runs this Deno in a process group of its own; nothing of the group outlives the call. */
async function run(args: string[], env: Record<string, string>): Promise<number> {
  const child = new Deno.Command(Deno.execPath(), {
    args,
    cwd: ROOT,
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
    detached: true,
  }).spawn();
  const end = () => signalGroup(child.pid, "SIGTERM");
  stopping.signal.addEventListener("abort", end);
  try {
    if (stopping.signal.aborted) end();
    return (await child.status).code;
  } finally {
    stopping.signal.removeEventListener("abort", end);
    signalGroup(child.pid, "SIGKILL");
  }
}

function signalGroup(leader: number, signal: Deno.Signal): void {
  try {
    Deno.kill(-leader, signal);
  } catch {
    // Nobody is left in the group.
  }
}

function report(total: Summary): void {
  console.log("");
  for (const name of total.skipped) {
    const [test = "", reason = "no reason given]"] = name.split(SKIPPED_BECAUSE);
    console.log(`skipped: ${test} (${reason.replace(/\]$/, "")})`);
  }
  for (const name of total.failed) console.log(`failed: ${name}`);
  const { passed, failed, skipped } = total;
  console.log(`${passed} passed, ${failed.length} failed, ${skipped.length} skipped`);
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  Deno.addSignalListener(signal, () => stopping.abort(signal));
}
if (import.meta.main) Deno.exit(await main(Deno.args));
