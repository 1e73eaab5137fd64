/**
 * `doctor`: looks at everything that `start` with the same options would need, and says what is wrong
 * and what to do. Changes nothing.
 */
import { loadSettings } from "../../config/configuration.ts";
import type { Sources } from "../../config/load.ts";
import { describeRemote, type Settings } from "../../config/settings/settings.ts";
import { failure, type Result, type Verdict } from "../../doctor/check.ts";
import { examine } from "../../doctor/doctor.ts";
import { Patient } from "../../doctor/patient.ts";
import { AgentError, EXIT_CODES } from "../../errors.ts";
import { configureLogging, oneLine } from "../../log.ts";
import type { System } from "../system.ts";

const SIGNS: Readonly<Record<Verdict, string>> = {
  pass: "ok",
  warn: "warn",
  fail: "FAIL",
  skip: "-",
};
const NAME_WIDTH = 16;
const SIGN_WIDTH = 6;

/** Returns 0, or the exit code with which `start` would end. */
export async function runDoctor(
  { places: [name] = [] }: { readonly places?: readonly string[] },
  sources: Sources,
  system: System,
): Promise<number> {
  configureLogging({ level: "error", format: "text", write: (line) => system.err(`${line}\n`) });
  // Not from the values: that they cannot be read is one of the things to tell.
  const json = sources.flags.findLast(({ name }) => name === "json")?.text === "true";
  const stop = new AbortController();
  const unwatch = system.onSignal(() => {
    stop.abort(new AgentError("lost", "The examination was interrupted"));
  });
  const results: Result[] = [];
  const tell = (result: Result) => {
    results.push(result);
    if (!json) system.out(renderResult(result));
  };
  try {
    const settings = await configured(sources, name, tell);
    if (settings !== undefined) {
      if (!json) system.out(`${" ".repeat(SIGN_WIDTH)}${describeRemote(settings)}\n`);
      for await (const result of examine(new Patient(settings, system.place), stop.signal)) {
        tell(result);
      }
    }
  } finally {
    unwatch();
  }
  if (json) system.out(JSON.stringify(results, null, 2) + "\n");
  else system.out(renderSummary(results));
  const kind = results.find(({ verdict }) => verdict === "fail")?.kind;
  return kind === undefined ? 0 : EXIT_CODES[kind];
}

/** The first check: whether the options are sound. */
async function configured(
  sources: Sources,
  name: string | undefined,
  tell: (result: Result) => void,
): Promise<Settings | undefined> {
  const started = performance.now();
  const took = () => Math.round(performance.now() - started);
  try {
    const settings = await loadSettings({ ...sources, command: "start" }, name);
    tell({ name: "config", ms: took(), verdict: "pass", message: "The options are sound" });
    return settings;
  } catch (error) {
    tell({ name: "config", ms: took(), ...failure(error) });
    return undefined;
  }
}

/** One line, and one more for what to do. */
export function renderResult({ name, verdict, message, remedy, ms }: Result): string {
  const head = `${SIGNS[verdict].padEnd(SIGN_WIDTH)}${name.padEnd(NAME_WIDTH)}`;
  const time = verdict === "skip" ? "" : ` (${ms} ms)`;
  const what = remedy === undefined ? "" : `${" ".repeat(head.length)}→ ${oneLine(remedy)}\n`;
  return `${head}${oneLine(message)}${time}\n${what}`;
}

/** How many of each. */
export function renderSummary(results: readonly Result[]): string {
  const count = (wanted: Verdict) => results.filter(({ verdict }) => verdict === wanted).length;
  const [failed, warned] = [count("fail"), count("warn")];
  if (failed + warned === 0) return "Everything is as it should be.\n";
  return `${failed} failed, ${warned} to look at, ${count("pass")} passed, ${
    count("skip")
  } skipped.\n`;
}
