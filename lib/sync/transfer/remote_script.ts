/**
 * The part of an upload that runs on the remote host once everything is there: checks that nothing
 * has changed since it was looked at, removes, moves into place, and reports. Pure text.
 *
 * Each command runs inside the directory it concerns, after that directory has been found to be where
 * its path says. So a symlink put in its place by a container leads nowhere.
 */
import { shellQuote } from "../../transport/posix_shell.ts";
import { nameOf, parentOf } from "../core/entry.ts";
import { FIND_STAMP, STAT_FORMAT } from "../remote/stamp.ts";

/** Length of the arguments of one command; far below what any system allows. */
const MAX_ARGUMENTS = 60_000;

/** Something changed meanwhile: nothing was done. */
export const EXIT_STALE = 77;

/** What an upload does. Paths are relative to the root. */
export interface RemoteWork {
  /** Paths that are replaced or removed with the stamp they must have, or must not exist without. */
  readonly expected: readonly { readonly path: string; readonly stamp: string | undefined }[];
  readonly remove: readonly string[];
  readonly removeDirs: readonly string[];
  /** Paths to be moved from the staging directory, by the directory they go to. */
  readonly moves: ReadonlyMap<string, readonly string[]>;
  readonly chmod: readonly { readonly path: string; readonly mode: number }[];
  /** Files whose content is replaced in place, because a container is bound to the inode. */
  readonly overwrite: readonly string[];
  /** Files that are on the same file system already, by their absolute paths, to be staged. */
  readonly large: readonly {
    readonly path: string;
    readonly from: string;
    readonly mode: number;
  }[];
  /** Everything that is staged, for the report. */
  readonly staged: readonly string[];
}

/** What {@link RemoteWork.expected} must look like, as the check prints it. */
export function wantedState(work: RemoteWork): string {
  const stamps = new Map(work.expected.map(({ path, stamp }) => [path, stamp]));
  let text = "";
  for (const [, paths] of byDirectory(work.expected.map(({ path }) => path))) {
    for (const path of paths) {
      const stamp = stamps.get(path);
      if (stamp !== undefined) text += `${stamp} ./${nameOf(path)}\0`;
    }
  }
  return text;
}

/** Runs with `R` the root and `S` the staging directory, whose `t` mirrors the tree. */
export function remoteScript(work: RemoteWork): string {
  const lines = [
    `at() { cd "$R" && cd "./$1" 2>/dev/null && [ "$(pwd -P)" = "$R\${1:+/$1}" ]; }`,
    ': > "$S/now"',
    ...within(
      work.expected.map(({ path }) => path),
      (names) => `stat --printf '${STAT_FORMAT}' -- ${names} >> "$S/now" 2>/dev/null`,
    ),
    `cmp -s "$S/now" "$S/want" || exit ${EXIT_STALE}`,
    ...within(work.remove, (names) => `rm -f -- ${names}`),
    ...work.removeDirs.flatMap((path) => within([path], (name) => `rmdir -- ${name} 2>/dev/null`)),
    ...work.large.map(stageLarge),
    "date +%s.%N",
    `cd "$S/t" 2>/dev/null && find . -mindepth 1 -printf '${FIND_STAMP} %p\\0'`,
    ...[...work.moves].flatMap(([directory, paths]) => movesInto(directory, paths)),
    ...work.overwrite.map((path) => {
      const [from, to] = [`"$S"/t/${shellQuote(path)}`, shellQuote(`./${nameOf(path)}`)];
      return inDirectory(parentOf(path), `cat ${from} > ${to} && touch -r ${from} ${to}`);
    }),
    ...work.chmod.map(({ path, mode }) =>
      inDirectory(parentOf(path), `chmod ${mode.toString(8)} ${shellQuote(`./${nameOf(path)}`)}`)
    ),
    "printf '=\\0'",
    ...[...work.moves].flatMap(([directory, paths]) => reportMoved(directory, paths)),
    ...report([...work.chmod.map(({ path }) => path), ...work.remove, ...work.removeDirs]),
    "printf '.\\0'",
    "exit 0",
  ];
  return lines.join("\n");
}

function stageLarge({ path, from, mode }: RemoteWork["large"][number]): string {
  const to = `"$S"/t/${shellQuote(path)}`;
  const directory = `"$S"/t/${shellQuote(parentOf(path))}`;
  return `mkdir -p ${directory}; chmod ${mode.toString(8)} ${shellQuote(from)} && ` +
    `mv -f ${shellQuote(from)} ${to}`;
}

function inDirectory(directory: string, command: string): string {
  return `if at ${shellQuote(directory)}; then ${command}; fi`;
}

function within(paths: readonly string[], command: (names: string) => string): string[] {
  return [...byDirectory(paths)].flatMap(([directory, inside]) =>
    chunked(inside.map((path) => shellQuote(`./${nameOf(path)}`)))
      .map((names) => inDirectory(directory, command(names)))
  );
}

function movesInto(directory: string, paths: readonly string[]): string[] {
  return chunked(paths.map((path) => `"$S"/t/${shellQuote(path)}`))
    .map((names) => inDirectory(directory, `mv -f -- ${names} ./`));
}

/** Prints `D` and the directory, then the stamps of what is in it. */
function report(paths: readonly string[]): string[] {
  return [...byDirectory(paths)].flatMap(([directory, inside]) =>
    chunked(inside.map((path) => shellQuote(`./${nameOf(path)}`))).map((names) =>
      reportIn(directory, `stat --printf '${STAT_FORMAT}' -- ${names} 2>/dev/null`)
    )
  );
}

/** The same of what was moved, by one process however much there is in it. */
function reportMoved(directory: string, paths: readonly string[]): string[] {
  return chunked(paths.map((path) => shellQuote(`./${nameOf(path)}`))).map((names) =>
    reportIn(directory, `find ${names} -printf '${FIND_STAMP} %p\\0' 2>/dev/null`)
  );
}

function reportIn(directory: string, command: string): string {
  return inDirectory(directory, `printf 'D%s\\0' ${shellQuote(directory)}; ${command}`);
}

function byDirectory(paths: readonly string[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const group = groups.get(parentOf(path));
    if (group === undefined) groups.set(parentOf(path), [path]);
    else group.push(path);
  }
  return groups;
}

function chunked(words: readonly string[]): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of words) {
    if (line !== "" && line.length + word.length > MAX_ARGUMENTS) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? word : `${line} ${word}`;
  }
  if (line !== "") lines.push(line);
  return lines;
}

/** What the script reported. */
export interface RemoteReport {
  /** Remote clock at the end of staging, in seconds. */
  readonly now: number;
  /** Stamps by path, before and after the moves. */
  readonly staged: ReadonlyMap<string, string>;
  readonly final: ReadonlyMap<string, string>;
}

/** Reads what {@link remoteScript} printed. Throws if it is not whole. */
export function parseReport(output: string): RemoteReport {
  const newline = output.indexOf("\n");
  const records = output.slice(newline + 1).split("\0");
  if (newline < 0 || records.at(-2) !== ".") {
    throw new Error("The report of an upload is cut short");
  }
  const staged = new Map<string, string>();
  const final = new Map<string, string>();
  let into = staged;
  let directory = "";
  for (const record of records.slice(0, -2)) {
    if (record === "=") into = final;
    else if (record.startsWith("D")) directory = record.slice(1);
    else {
      const match = /^(\S+ \S+ \S+ \S+ \S+) \.\/(.*)$/s.exec(record);
      const [, stamp = "", name = ""] = match ?? [];
      into.set(directory === "" ? name : `${directory}/${name}`, stamp);
    }
  }
  return { now: Number(output.slice(0, newline)), staged, final };
}
