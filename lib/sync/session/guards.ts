/**
 * What stops a session before it takes a calamity for a wish: a root that is gone, is not the one it
 * was, or has lost everything. A halted session deletes nothing. It goes on by itself when things are as
 * they were, or when somebody says that the deletions are intended.
 */
import { AgentError } from "../../errors.ts";
import type { StampedChange } from "../core/diff.ts";
import type { Agreed } from "../core/entry.ts";
import { localPath } from "../core/path_map.ts";
import { type LocalTree, statOrNothing } from "../local/tree.ts";
import type { RemoteView } from "../remote/scan.ts";

/** Fewer entries than this may all be deleted without a question. */
const LEAST_TO_GUARD = 2;

/** A guard has stopped the session; the message is for the user. */
export class Halt extends AgentError {
  constructor(message: string, hint: string) {
    super("engine", message, { hint });
  }
}

const RESUME = "put it back, or accept the deletions with: remote-docker-agent syncs resume";

/** Watches the roots of one session. */
export class RootGuard {
  readonly #tree: LocalTree;
  readonly #only: string | undefined;
  /** Something runs on the remote side that may well delete everything. */
  readonly #isUsed: () => boolean;
  #identity: string | undefined;
  #accepted = false;

  /** `only`: the session is about this one file in the root. */
  constructor(tree: LocalTree, only: string | undefined, isUsed: () => boolean) {
    this.#tree = tree;
    this.#only = only;
    this.#isUsed = isUsed;
  }

  /** The next round may delete everything. */
  accept(): void {
    this.#accepted = true;
  }

  /** A round has come to its end. */
  settled(): void {
    this.#accepted = false;
    this.#identity = this.#identify();
  }

  /** Throws {@link Halt} if what is synced is not there, or has become something else. */
  checkLocal(): void {
    const info = statOrNothing(this.#tree.root);
    const { root } = this.#tree;
    if (info === undefined) throw new Halt(`The folder "${root}" has vanished`, "put it back");
    if (!info.isDirectory) throw new Halt(`"${root}" is no folder any more`, "put it back");
    if (this.#only === undefined) return;
    const file = localPath(root, this.#only, this.#tree.platform);
    if (statOrNothing(file)?.isDirectory === true) {
      throw new Halt(`"${file}" is no file any more`, "put it back, or create the container again");
    }
  }

  /** Throws {@link Halt} if the remote root is gone while it is used. */
  checkRemote({ gone }: RemoteView): void {
    if (!gone) return;
    throw new RemoteRootGone(`The remote copy of "${this.#tree.root}" has vanished`);
  }

  /** Throws {@link Halt} if one side has lost everything that was agreed on. */
  checkDeleted(side: "local" | "remote", deleted: number, agreed: number): void {
    if (this.#accepted || deleted === 0 || deleted < agreed) return;
    if (this.#only !== undefined) {
      // Editors remove and make a file anew, and a container is bound to the one that is there.
      const where = side === "local" ? "The file in" : "The remote copy of the file in";
      throw new Halt(`${where} "${this.#tree.root}" has vanished: it is not deleted`, RESUME);
    }
    const replaced = side === "local" && this.#identity !== undefined &&
      this.#identity !== this.#identify();
    if (!replaced && agreed < LEAST_TO_GUARD) return;
    if (side === "remote" && this.#isUsed()) return;
    const what = side === "local" ? "The folder" : "The remote copy of";
    throw new Halt(`${what} "${this.#tree.root}" is empty: nothing is deleted`, RESUME);
  }

  /** Inode numbers are used again at once; together with the time of birth they are not. */
  #identify(): string | undefined {
    const info = statOrNothing(this.#tree.root);
    return info && `${info.dev} ${info.ino} ${info.birthtime?.getTime() ?? 0}`;
  }
}

/** The remote copy is not there: it is made again, or the session halts if containers hold it. */
export class RemoteRootGone extends Halt {
  constructor(message: string) {
    super(message, "Start the containers that use it again");
  }
}

/** Applies {@link RootGuard.checkDeleted} to both sides. */
export function checkEmptied(
  guard: RootGuard,
  agreed: ReadonlyMap<string, Agreed>,
  changes: readonly StampedChange[],
): void {
  const lost = (side: "local" | "remote") =>
    changes.filter((change) => change.ancestor !== undefined && change[side] === undefined).length;
  const [local, remote] = [lost("local"), lost("remote")];
  if (local === remote && local === agreed.size) return;
  guard.checkDeleted("local", local, agreed.size);
  guard.checkDeleted("remote", remote, agreed.size);
}
