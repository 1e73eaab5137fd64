/**
 * The Debian suite of the rig's engine and of the `current` docker CLI with its plugins: this machine's
 * own, unless `RDA_RIG_SUITE` names another one for the whole run, or a test file asks for a newer one,
 * or for Podman of it, before it imports tests that were written for any. One choice per file, made
 * before the first test.
 */

/** Names the suite of a whole run, such as `sid`. */
const RIG_SUITE_VARIABLE = "RDA_RIG_SUITE";

/** The suite of test files that ask for a newer engine than this machine's own. */
export const NEWER_SUITE = "trixie";
const SCRIPT = new URL("../rig/suite", import.meta.url).pathname;
/** The script's word for packages that are not to be had. */
const CANNOT_FETCH = 75;
/** Why they were not: the files of one run share a process, and none has to wait for that again. */
const MISSING_VARIABLE = "RHOST_SUITE_MISSING";

/** Where a suite, or a part of it, is unpacked, or why it is not. */
type Place = { readonly folder: string } | { readonly obstacle: string };

const places = new Map<string, Place>();
const chosen: { suite?: string; podman?: true; takes?: (test: string) => boolean } = {};

/**
 * This file asks for a newer engine; a suite that `RDA_RIG_SUITE` names is taken for one. `takes` is
 * which of the imported tests are run so, by their names. The first call counts.
 */
export function preferNewerSuite(takes: (test: string) => boolean = () => true): void {
  chosen.suite ??= suiteOfRun() ?? NEWER_SUITE;
  chosen.takes ??= takes;
}

/** As {@link preferNewerSuite}, with Podman of that suite as the engine. */
export function preferPodman(takes?: (test: string) => boolean): void {
  preferNewerSuite(takes);
  chosen.podman = true;
}

/** Whether the engine of this file is Podman. */
export function isPodman(): boolean {
  return chosen.podman === true;
}

/** What the tests of this file are told apart by; nothing for those of the whole run's engine. */
export function engineName(): string | undefined {
  return isPodman() ? "podman" : ownSuite();
}

/** Whether this file runs a test of that name. */
export function suiteTakes(test: string): boolean {
  return chosen.takes?.(test) ?? true;
}

/** The suite of this file; nothing for this machine's own packages. */
export function currentSuite(): string | undefined {
  return chosen.suite ?? suiteOfRun();
}

/** The suite of this file, if it is another one than that of the whole run: it has its own rig. */
export function ownSuite(): string | undefined {
  return chosen.suite === suiteOfRun() ? undefined : chosen.suite;
}

/** Why this file's suite cannot be had, or `undefined` if it is there. The first call downloads it. */
export function suiteObstacle(): string | undefined {
  const suite = currentSuite();
  if (suite === undefined) return undefined;
  const places = [placeOf(suite), ...(isPodman() ? [placeOf(suite, "podman")] : [])];
  return places.map((place) => "obstacle" in place ? place.obstacle : undefined)
    .find((obstacle) => obstacle !== undefined);
}

/** The root folder of the `current` docker CLI and its plugins, if they are those of a suite. */
export function suiteCli(): string | undefined {
  const suite = currentSuite();
  if (suite === undefined) return undefined;
  const place = placeOf(suite);
  return "folder" in place ? `${place.folder}/cli` : undefined;
}

function suiteOfRun(): string | undefined {
  return Deno.env.get(RIG_SUITE_VARIABLE) || undefined;
}

function placeOf(suite: string, ...what: "podman"[]): Place {
  const key = [suite, ...what].join(" ");
  const known = places.get(key);
  if (known !== undefined) return known;
  const variable = [MISSING_VARIABLE, ...what.map((word) => word.toUpperCase())].join("_");
  const missing = Deno.env.get(variable);
  if (missing !== undefined) return { obstacle: missing };
  const output = new Deno.Command(SCRIPT, { args: [suite, ...what], stdin: "null" }).outputSync();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  const said = text(output.stderr).replace(/^suite: /, "");
  if (!output.success && output.code !== CANNOT_FETCH) throw new Error(`No ${key}: ${said}`);
  if (!output.success) Deno.env.set(variable, said);
  const place = output.success ? { folder: text(output.stdout) } : { obstacle: said };
  places.set(key, place);
  return place;
}
