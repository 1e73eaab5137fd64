/**
 * The work of a session: rounds until both sides are equal, or until it is known why they cannot be
 * made so. It owns what rounds work with; the session says when, and holds the lock meanwhile.
 */
import { AgentError } from "../../errors.ts";
import type { Agenda } from "./agenda.ts";
import { ConflictStore } from "../conflict_store.ts";
import { RemoteRootGone, RootGuard } from "./guards.ts";
import { IGNORE_NOTHING, IgnoreFiles } from "../local/ignore_files.ts";
import { tidyState } from "../leftovers.ts";
import { LastLook } from "./last_look.ts";
import type { LocalTree } from "../local/tree.ts";
import { ProblemList } from "./problem_list.ts";
import { RemoteSide } from "../remote/side.ts";
import { type RoundResult, runRound } from "./round.ts";
import { RefusedNames } from "../remote/refused.ts";
import type { RoundScope } from "./round_parts.ts";
import { scanRemote } from "../remote/scan.ts";
import type { Schedule } from "./schedule.ts";
import { type SessionDeps, unsettled } from "./session_parts.ts";
import type { SessionEvents } from "./session_events.ts";
import { AgreedIndex, type SessionRecord } from "../state.ts";
import type { SyncProgress } from "../types.ts";

/** Rounds before it gives up on paths that will not hold still. */
const MAX_ROUNDS = 6;
const MAX_LOST = 5;

/** What the session lends to its work. */
export interface SettlingDeps extends SessionDeps {
  readonly directory: string;
  readonly tree: LocalTree;
  readonly record: () => SessionRecord;
  readonly agenda: Agenda;
  readonly schedule: Schedule;
  readonly events: SessionEvents;
  readonly onRound: () => void;
  readonly onProgress: (progress: SyncProgress) => void;
  /** Ends everything. */
  readonly signal: AbortSignal;
}

/** See the file comment. Holds nothing that has to be closed. */
export class Settling {
  readonly index: AgreedIndex;
  readonly conflicts: ConflictStore;
  readonly guard: RootGuard;
  readonly remote: RemoteSide;
  readonly problems: ProblemList;
  readonly ignore: Pick<IgnoreFiles, "rules" | "has" | "forget">;
  readonly #deps: SettlingDeps;
  readonly #held = new Set<string>();
  readonly #refused = new RefusedNames();
  readonly #lastLook = new LastLook();

  constructor(deps: SettlingDeps) {
    const { directory, tree, log } = deps;
    const { id, only, root, ignore } = deps.record();
    this.#deps = deps;
    this.index = new AgreedIndex(directory, log);
    this.conflicts = new ConflictStore(directory, id, (file) => deps.events.conflict(file));
    const isUsed = () => Object.keys(deps.record().containers).length > 0;
    this.guard = new RootGuard(tree, only, isUsed);
    this.remote = new RemoteSide(deps.record(), deps.shell, log);
    this.problems = new ProblemList(root, log);
    this.ignore = only === undefined
      ? new IgnoreFiles(tree, ignore, deps.gitignore)
      : IGNORE_NOTHING;
  }

  /** The session's state is this process's now: takes up what another one has left. */
  takeOver(): void {
    tidyState(this.#deps.directory);
    if (this.index.refresh()) this.#lastLook.forget();
  }

  /** Whether the remote copy has nothing but what was agreed on. What is ignored does not count. */
  async isCopyAsAgreed(signal: AbortSignal): Promise<boolean> {
    const { shell, root } = await this.remote.open(signal);
    const { only } = this.#deps.record();
    const options = { ignored: this.ignore.rules, agreed: this.index.entries, only, signal };
    const { seen, problems } = await scanRemote(shell, root, options);
    return seen.size === 0 && problems.length === 0;
  }

  /** Works off the agenda until nothing is left to do. Throws `AgentError`. */
  async settle(): Promise<void> {
    const { agenda, signal } = this.#deps;
    let lost = 0;
    let rights = true;
    for (let round = 1;; round++) {
      const scope = agenda.take();
      let result: RoundResult;
      try {
        result = await this.#round(scope);
      } catch (error) {
        if (this.#refused.learn(error)) {
          this.#lastLook.forget();
          agenda.all();
          continue;
        }
        lost += 1;
        if (!this.#mendable(error) || lost > MAX_LOST) throw error;
        agenda.all();
        continue;
      }
      const said = [...result.complaints, ...result.problems.map(({ reason }) => reason)];
      if (rights && await this.remote.openRights(said, signal)) {
        rights = false;
        agenda.all();
        continue;
      }
      const problems = [...this.#refused.problems(this.#deps.tree), ...result.problems];
      this.problems.add(problems, scope.local === "all");
      if (result.unsettled.length === 0) return;
      if (round >= MAX_ROUNDS) return this.#giveUp(result);
      agenda.all();
      if (round > 2) await agenda.sleep(50 * round);
    }
  }

  #giveUp(result: RoundResult): void {
    if (result.complaints.length > 0) throw unsettled(result);
    // A file that is written all the time has no state to be synced; its next one is.
    this.#deps.log.warn("A file keeps changing while it is synced", {
      folder: this.#deps.tree.root,
      file: result.unsettled[0] ?? "",
    });
  }

  /** Whether the same may go well at once: on a new connection, or with a new remote copy. */
  #mendable(error: unknown): boolean {
    const { signal, record } = this.#deps;
    if (signal.aborted) return false;
    if (error instanceof RemoteRootGone && Object.keys(record().containers).length === 0) {
      this.index.clear();
      this.remote.forget();
      return true;
    }
    return error instanceof AgentError && error.kind === "lost";
  }

  async #round(scope: RoundScope): Promise<RoundResult> {
    const { tree, platform, ignoresCase, log, signal, schedule, onProgress } = this.#deps;
    const { mode, only } = this.#deps.record();
    const { shell, root } = await this.remote.open(signal);
    schedule.isByFiles = root.facts.files !== undefined;
    schedule.isByEngine = root.facts.isByEngine === true;
    this.#deps.onRound();
    if (scope.local === "all") this.ignore.forget();
    const started = performance.now();
    const result = await runRound({
      tree,
      root,
      shell,
      index: this.index,
      conflicts: this.conflicts,
      guard: this.guard,
      mode,
      ignored: (path, isDirectory) =>
        this.#refused.has(path) || this.ignore.rules(path, isDirectory),
      only,
      limits: { platform, ignoresCase },
      held: this.#held,
      lastLook: this.#lastLook,
      log,
      signal,
      onProgress,
    }, scope);
    schedule.looked(scope, result.carried === 0 ? performance.now() - started : undefined);
    this.#deps.events.flushed(result.carried);
    if (result.unsettled.length === 0) this.guard.settled();
    return result;
  }
}
