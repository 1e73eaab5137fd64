/**
 * The last step of an upload over SFTP: what the remote script does where there are commands. A path is
 * changed only in a directory that is where its path says, so that a symlink put in its place leads
 * nowhere, and only while it is as expected.
 */
import { RemoteFileError } from "../../transport/remote_files.ts";
import { parentOf } from "../core/entry.ts";
import type { RemoteReport, RemoteWork } from "../transfer/remote_script.ts";
import type { FilesRoot } from "./files_root.ts";
import { lastingState, stateAt } from "./file_stamp.ts";
import { together } from "./together.ts";

const MAX_COMPLAINTS = 20;

/** See the file comment. */
export class MoveIn {
  readonly complaints: string[] = [];
  readonly #root: FilesRoot;
  readonly #work: RemoteWork;
  readonly #staged: string;
  readonly #expected: ReadonlyMap<string, string | undefined>;
  readonly #removed: ReadonlySet<string>;
  readonly #places = new Map<string, Promise<boolean>>();

  constructor(root: FilesRoot, work: RemoteWork, staged: string) {
    this.#root = root;
    this.#work = work;
    this.#staged = staged;
    this.#removed = new Set(work.remove);
    this.#expected = new Map(work.expected.map(({ path, stamp }) => [path, stamp]));
  }

  /** Whether everything that is replaced or removed is as it was seen. */
  async isAsExpected(): Promise<boolean> {
    let same = true;
    await together(this.#work.expected, async ({ path }) => {
      if (same && !await this.#isSame(path)) same = false;
    });
    return same;
  }

  /** Removes, moves and reports. Refusals are {@link complaints}; throws when the link is lost. */
  async run(): Promise<Omit<RemoteReport, "now">> {
    const { remove, removeDirs, moves, overwrite, chmod } = this.#work;
    const { files } = this.#root;
    await together(remove, (path) => this.#change(path, () => files.unlink(this.#at(path))));
    for (const path of removeDirs) await this.#removeDir(path);
    const staged = await this.#states(this.#work.staged, (path) => `${this.#staged}/${path}`);
    const moved = [...moves.values()].flat();
    await together(moved, (path) => this.#move(path));
    for (const path of overwrite) await this.#change(path, () => this.#overwrite(path));
    await together(
      chmod,
      ({ path, mode }) => this.#attempt(path, () => files.setMode(this.#at(path), mode)),
    );
    const touched = [...this.#work.staged, ...remove, ...removeDirs];
    return { staged, final: await this.#states(touched, (path) => this.#at(path)) };
  }

  #at(path: string): string {
    return `${this.#root.path}/${path}`;
  }

  async #isSame(path: string): Promise<boolean> {
    const now = await stateAt(this.#root.files, this.#at(path));
    return (now && lastingState(now)) === this.#expected.get(path);
  }

  /** Whether the directory of `path` is reached through no symlink; asked once. */
  #isInPlace(path: string): Promise<boolean> {
    const parent = parentOf(path);
    const directory = parent === "" ? this.#root.path : this.#at(parent);
    let answer = this.#places.get(parent);
    if (answer === undefined) {
      const { files } = this.#root;
      answer = files.realpath(directory).then((real) => real === directory, refusedOnly);
      this.#places.set(parent, answer);
    }
    return answer;
  }

  async #change(path: string, act: () => Promise<void>): Promise<void> {
    await this.#attempt(path, async () => {
      if (await this.#isSame(path)) await act();
    });
  }

  async #move(path: string): Promise<void> {
    const { files } = this.#root;
    await this.#attempt(path, async () => {
      const isFree = this.#removed.has(path)
        ? await stateAt(files, this.#at(path)) === undefined
        : await this.#isSame(path);
      if (isFree) await files.rename(`${this.#staged}/${path}`, this.#at(path));
    });
  }

  async #attempt(path: string, act: () => Promise<void>): Promise<void> {
    if (!await this.#isInPlace(path)) return;
    try {
      await act();
    } catch (error) {
      if (!(error instanceof RemoteFileError)) throw error;
      if (this.complaints.length < MAX_COMPLAINTS) this.complaints.push(error.message);
    }
  }

  async #removeDir(path: string): Promise<void> {
    if (!await this.#isInPlace(path)) return;
    try {
      await this.#root.files.rmdir(this.#at(path));
    } catch (error) {
      // It holds what takes no part in the sync, or has come since.
      if (!(error instanceof RemoteFileError)) throw error;
    }
  }

  /** A container is bound to the file: it gets the content of the staged one. */
  async #overwrite(path: string): Promise<void> {
    const { files } = this.#root;
    const from = await files.read(`${this.#staged}/${path}`);
    try {
      const to = await files.overwrite(this.#at(path));
      try {
        for (let chunk = await from.next(); chunk !== null; chunk = await from.next()) {
          await to.write(chunk);
        }
        await to.finish({ mtime: from.info.mtime });
      } finally {
        await to.close();
      }
    } finally {
      await from.close();
    }
  }

  async #states(paths: readonly string[], at: (path: string) => string) {
    const found = new Map<string, string>();
    await together(paths, async (path) => {
      const state = await stateAt(this.#root.files, at(path));
      if (state !== undefined) found.set(path, state.stamp);
    });
    return found;
  }
}

function refusedOnly(error: unknown): false {
  if (error instanceof RemoteFileError) return false;
  throw error;
}
