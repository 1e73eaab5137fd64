/**
 * The local tree, or some paths of it, as it is now. Contents are not read here. Runs in short slices,
 * so that a large tree does not hold up the rest of the program.
 */
import { AgentError } from "../../errors.ts";
import { systemReason } from "../../system/system_reason.ts";
import type { SideView } from "../core/diff.ts";
import { type Agreed, type Entry, parentOf, type Seen } from "../core/entry.ts";
import { type IgnoreRules, isTemporary } from "../core/ignore.ts";
import { localPath, pointsOutside } from "../core/path_map.ts";
import { leadsOutside } from "../session/problem_list.ts";
import type { Problem } from "../types.ts";
import { isRenamed } from "./renamed.ts";
import { hasStamp, type LocalTree, seenAs, statOrNothing } from "./tree.ts";

const SLICE_MS = 8;
const OWN_UID = Deno.uid();

/** See {@link SideView}. */
export interface LocalView extends SideView {
  readonly same: Set<Agreed>;
  readonly seen: Map<string, Seen>;
  readonly opaque: Set<string>;
  readonly problems: Problem[];
  /** Files of ours that were left behind. */
  readonly leftovers: string[];
  /** What was looked at: the scope asked for, and directories above it that turned out to be gone. */
  readonly scope: string[] | undefined;
  /** When the look began, in milliseconds since the epoch. */
  readonly began: number;
}

/** Options of {@link scanLocal}. */
export interface LocalScanOptions {
  readonly ignored: IgnoreRules;
  readonly agreed: ReadonlyMap<string, Agreed>;
  /** Only this name at the root. */
  readonly only?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks at everything, or at `scope` and what is below. A path whose parent is gone counts as gone.
 */
export async function scanLocal(
  tree: LocalTree,
  options: LocalScanOptions,
  scope?: readonly string[],
): Promise<LocalView> {
  const view: LocalView = {
    same: new Set(),
    began: Date.now(),
    seen: new Map(),
    opaque: new Set(),
    problems: [],
    leftovers: [],
    scope: scope === undefined ? undefined : [...scope],
  };
  const scan = new Scan(tree, options, view);
  if (options.only !== undefined) scan.visit(options.only);
  else if (scope === undefined) await scan.directory("");
  else for (const path of scope) await scan.subtree(path);
  return view;
}

class Scan {
  readonly #tree: LocalTree;
  readonly #options: LocalScanOptions;
  readonly #view: LocalView;
  #sliceEnd = performance.now() + SLICE_MS;

  constructor(tree: LocalTree, options: LocalScanOptions, view: LocalView) {
    this.#tree = tree;
    this.#options = options;
    this.#view = view;
  }

  /** One path and what is below, unless something above it is ignored or no directory. */
  async subtree(path: string): Promise<void> {
    for (const parent of [...ancestors(path)]) {
      const isHidden = this.#options.ignored(parent, true);
      if (isHidden) return void this.#view.opaque.add(parent);
      const info = statOrNothing(localPath(this.#tree.root, parent, this.#tree.platform));
      if (info?.isDirectory !== true) {
        this.#view.scope?.push(parent);
        return void this.visit(parent);
      }
    }
    if (isRenamed(this.#tree, path)) return;
    if (this.visit(path)) await this.directory(path);
  }

  async directory(path: string): Promise<void> {
    let names: string[];
    try {
      names = [...Deno.readDirSync(localPath(this.#tree.root, path, this.#tree.platform))]
        .map(({ name }) => name);
    } catch (error) {
      if (path === "") throw unreadableRoot(this.#tree, error);
      this.#unreadable(path, error);
      return;
    }
    for (const name of names) {
      if (performance.now() > this.#sliceEnd) await this.#breathe();
      const child = path === "" ? name : `${path}/${name}`;
      if (this.visit(child)) await this.directory(child);
    }
  }

  /** Records what is at a path; tells whether it is a directory to go into. */
  visit(path: string): boolean {
    if (isTemporary(path)) {
      this.#view.leftovers.push(path);
      return false;
    }
    try {
      const info = statOrNothing(localPath(this.#tree.root, path, this.#tree.platform));
      if (info === undefined) return false;
      if (this.#options.ignored(path, info.isDirectory)) {
        this.#view.opaque.add(path);
        return false;
      }
      return this.#record(path, info);
    } catch (error) {
      this.#unreadable(path, error);
      return false;
    }
  }

  #record(path: string, info: Deno.FileInfo): boolean {
    const agreed = this.#options.agreed.get(path);
    if (agreed !== undefined && hasStamp(info, agreed)) {
      this.#view.same.add(agreed);
      this.#checkTarget(path, agreed.entry);
      return info.isDirectory;
    }
    const found = seenAs(this.#tree, path, info, agreed?.entry.mode);
    if ("reason" in found) {
      this.#hide(path, found.reason);
      return false;
    }
    const { entry } = found;
    if (entry.kind === "file") checkReadable(this.#tree, path, info);
    this.#checkTarget(path, entry);
    this.#view.seen.set(path, found);
    return entry.kind === "dir";
  }

  #checkTarget(path: string, { kind, content = "" }: Entry): void {
    if (kind === "link" && pointsOutside(path, content)) {
      this.#view.problems.push(leadsOutside(path));
    }
  }

  #unreadable(path: string, error: unknown): void {
    if (error instanceof Deno.errors.NotFound) return;
    this.#view.seen.delete(path);
    this.#hide(path, `it cannot be read: ${systemReason(error)}`);
  }

  #hide(path: string, reason: string): void {
    this.#view.opaque.add(path);
    this.#view.problems.push({ path, reason });
  }

  async #breathe(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, 0));
    this.#options.signal?.throwIfAborted();
    this.#sliceEnd = performance.now() + SLICE_MS;
  }
}

/** On macOS, folders such as Documents are closed to programs that the user has not let in. */
export function unreadableRoot({ root, platform }: LocalTree, cause: unknown): unknown {
  if (!(cause instanceof Deno.errors.PermissionDenied)) return cause;
  const text = `Cannot read the folder "${root}": ${systemReason(cause)}`;
  const hint = platform === "darwin" && /\(os error 1\)/.test(cause.message)
    ? "let your terminal, or this program, in: System Settings, Privacy & Security, Files and Folders"
    : "it has to be yours to read";
  return new AgentError("config", text, { cause, hint });
}

/** Throws if a file cannot be read; its mode tells that of one's own files. */
function checkReadable(tree: LocalTree, path: string, info: Deno.FileInfo): void {
  if (info.uid !== null && info.uid === OWN_UID && ((info.mode ?? 0) & 0o400) !== 0) return;
  Deno.openSync(localPath(tree.root, path, tree.platform), { read: true }).close();
}

/** The directories above a path, topmost first, without the root. */
function ancestors(path: string): string[] {
  const found: string[] = [];
  for (let at = parentOf(path); at !== ""; at = parentOf(at)) found.unshift(at);
  return found;
}
