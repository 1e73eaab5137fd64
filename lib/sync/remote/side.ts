/**
 * The remote end of a session: its directories on whatever connection there is now, and the rights to
 * what containers have made in them. Holds nothing that has to be closed.
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { SessionRecord } from "../state.ts";
import { EngineShell } from "../volume/engine_shell.ts";
import { openVolumeRoot } from "../volume/open_volume.ts";
import { lacksRights, openRights } from "./rights.ts";
import { makeRemoteDir, openRemoteRoot, probeRemote, type RemoteRoot } from "./root.ts";
import type { WatchingShell } from "./watch.ts";

/** For the last question before a session is at rest. */
const MAX_REST_MS = 2_000;

/** A shell and the root it was opened with. */
export interface Opened {
  readonly shell: WatchingShell;
  readonly root: RemoteRoot;
}

/** See the file comment. */
export class RemoteSide {
  readonly #record: SessionRecord;
  readonly #shell: (signal: AbortSignal) => Promise<WatchingShell>;
  readonly #log: Logger;
  #opened: Opened | undefined;

  constructor(
    record: SessionRecord,
    shell: (signal: AbortSignal) => Promise<WatchingShell>,
    log: Logger,
  ) {
    this.#record = record;
    this.#shell = shell;
    this.#log = log;
  }

  /** The directories, made if need be; once per connection. */
  async open(signal: AbortSignal): Promise<Opened> {
    const shell = await this.#shell(signal);
    const isUsable = this.#opened?.root.facts.files?.isOpen !== false;
    if (this.#opened?.shell === shell && isUsable) {
      const { volume } = this.#opened.root;
      // While nobody had it, anybody may have removed it, and the engine would make it for a container.
      if (volume?.isAtRest === true) await volume.make(signal);
      return this.#opened;
    }
    if (shell instanceof EngineShell) {
      return this.#opened = { shell, root: await openVolumeRoot(shell, this.#record, signal) };
    }
    const facts = await probeRemote(shell, signal);
    const { remotePath: path, staging, only, plain } = this.#record;
    const directory = only === undefined ? path : path.slice(0, path.lastIndexOf("/"));
    const where = { path: directory, staging, isPlain: plain === true };
    const root = await openRemoteRoot(shell, facts, where, signal);
    return this.#opened = { shell, root };
  }

  /** Makes a directory below the root. */
  async makeDir(below: string, signal: AbortSignal): Promise<void> {
    const { shell, root } = await this.open(signal);
    await makeRemoteDir(shell, root, below, signal);
  }

  /** Nothing is to be done there for now. Never rejects. */
  async rest(): Promise<void> {
    const volume = this.#opened?.root.volume;
    try {
      await volume?.rest(AbortSignal.timeout(MAX_REST_MS));
    } catch (error) {
      // It does no harm there, and the next one takes it up.
      this.#log.debug("A helper stays on the remote host", { error: messageOf(error) });
    }
  }

  /** The directories are not there any more. */
  forget(): void {
    this.#opened = undefined;
  }

  /** Gets the rights that these complaints are about. Returns whether that may have helped. */
  async openRights(complaints: readonly string[], signal: AbortSignal): Promise<boolean> {
    if (this.#opened?.root.isOpen !== true || !lacksRights(complaints)) return false;
    // Without commands there is no way to the engine from there.
    const { files, isByEngine } = this.#opened.root.facts;
    if (files !== undefined || isByEngine === true) return false;
    const obstacle = await openRights(this.#opened.shell, this.#opened.root, signal);
    if (obstacle === undefined) return true;
    this.#log.warn(`Cannot get the rights to what containers have written: ${obstacle}`, {
      folder: this.#record.root,
    });
    return false;
  }
}
