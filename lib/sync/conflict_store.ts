/**
 * Remote versions that lost against a local one, kept on this machine until somebody takes or removes
 * them. One directory per conflict: `conflict.json` and `content`. Owned by the session's directory.
 */
import { copyFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { AgentError } from "../errors.ts";
import { writeAtomically } from "../system/atomic_file.ts";
import { replaceFileSync } from "../system/replace_file.ts";
import { temporaryName } from "./core/ignore.ts";
import { writeWhole } from "./local/apply.ts";
import { statOrNothing } from "./local/tree.ts";
import type { Conflict } from "./types.ts";

const META_FILE = "conflict.json";
const CONTENT_FILE = "content";

/** See the file comment. */
export class ConflictStore {
  readonly #directory: string;
  readonly #session: string;
  readonly #onKept: (local: string) => void;
  #count: number | undefined;

  /** @param onKept Is told of each version that lost and was kept. */
  constructor(
    sessionDirectory: string,
    session: string,
    onKept: (local: string) => void = () => {},
  ) {
    this.#directory = join(sessionDirectory, "conflicts");
    this.#session = session;
    this.#onKept = onKept;
  }

  /** How many are kept. */
  get count(): number {
    this.#count ??= this.list().length;
    return this.#count;
  }

  /** Keeps a version of the file at `local`; the same content is not kept twice. */
  async keep(
    local: string,
    size: number,
    data: () => Promise<Uint8Array | null>,
  ): Promise<void> {
    if (await this.#keep(local, size, data)) this.#onKept(local);
  }

  /** Whether it was kept. */
  async #keep(
    local: string,
    size: number,
    data: () => Promise<Uint8Array | null>,
  ): Promise<boolean> {
    const id = crypto.randomUUID().slice(0, 8);
    const directory = join(this.#directory, id);
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    const content = await writeWhole(join(directory, CONTENT_FILE), size, data);
    const meta = { local, content, time: Date.now() };
    if (this.#read().some((one) => one.local === local && one.content === content)) {
      Deno.removeSync(directory, { recursive: true });
      return false;
    }
    writeAtomically(join(directory, META_FILE), `${JSON.stringify(meta)}\n`);
    this.#count = undefined;
    return true;
  }

  /** All that are kept. */
  list(): Conflict[] {
    return this.#read().map(({ id, local, time, size }) => ({
      id,
      session: this.#session,
      local,
      kept: join(this.#directory, id, CONTENT_FILE),
      time,
      size,
    }));
  }

  /** See `BindSync.restore`. What is in place now is kept in exchange. Returns whether it is here. */
  async restore(id: string, to?: string): Promise<boolean> {
    const conflict = this.list().find((one) => one.id === id);
    if (conflict === undefined) return false;
    const target = to ?? conflict.local;
    const there = statOrNothing(target);
    if (there?.isDirectory === true) {
      throw new AgentError("usage", `Cannot restore to "${target}": it is a directory`, {
        hint: "name a file to write to",
      });
    }
    if (there?.isFile === true) await this.#keepFile(target);
    const temporary = join(dirname(target), temporaryName());
    await copyFile(conflict.kept, temporary);
    if (Deno.build.os !== "windows") Deno.chmodSync(temporary, (there?.mode ?? 0o644) & 0o777);
    replaceFileSync(temporary, target);
    Deno.removeSync(join(this.#directory, basename(id)), { recursive: true });
    this.#count = undefined;
    return true;
  }

  async #keepFile(path: string): Promise<void> {
    using file = Deno.openSync(path, { read: true });
    const buffer = new Uint8Array(256 * 1024);
    await this.#keep(path, file.statSync().size, async () => {
      const count = await file.read(buffer);
      return count === null ? null : buffer.subarray(0, count);
    });
  }

  #read(): { id: string; local: string; content: string; time: number; size: number }[] {
    if (statOrNothing(this.#directory) === undefined) return [];
    return [...Deno.readDirSync(this.#directory)].flatMap(({ name }) => {
      const meta = readMeta(join(this.#directory, name));
      return meta === undefined ? [] : [{ id: name, ...meta }];
    });
  }
}

/** The directories of the conflicts of a session, also of those that are not complete. */
export function conflictsIn(sessionDirectory: string): string[] {
  const directory = join(sessionDirectory, "conflicts");
  if (statOrNothing(directory) === undefined) return [];
  return [...Deno.readDirSync(directory)].map(({ name }) => join(directory, name));
}

/** Whether a conflict was kept as a whole: an agent may have been killed while it fetched it. */
export function isCompleteConflict(directory: string): boolean {
  return readMeta(directory) !== undefined;
}

function readMeta(directory: string) {
  const size = statOrNothing(join(directory, CONTENT_FILE))?.size;
  try {
    const value: unknown = JSON.parse(Deno.readTextFileSync(join(directory, META_FILE)));
    const { local, content, time } = value as Record<string, unknown>;
    if (typeof local !== "string" || typeof content !== "string") return undefined;
    if (typeof time !== "number" || size === undefined) return undefined;
    return { local, content, time, size };
  } catch {
    // Not complete: the agent was killed while it fetched the content, and fetches it again.
    return undefined;
  }
}
