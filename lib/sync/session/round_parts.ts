/** What rounds are made of and how much they look at: shared by the session and its rounds. */
import type { Logger } from "../../log.ts";
import type { Shell } from "../../transport/transport.ts";
import type { ConflictStore } from "../conflict_store.ts";
import type { IgnoreRules } from "../core/ignore.ts";
import type { NameLimits } from "../core/plan.ts";
import type { LocalTree } from "../local/tree.ts";
import type { RemoteRoot } from "../remote/root.ts";
import type { AgreedIndex } from "../state.ts";
import type { SyncMode, SyncProgress } from "../types.ts";
import type { RootGuard } from "./guards.ts";
import type { LastLook } from "./last_look.ts";

/** What a round works with; everything is the session's. */
export interface RoundParts {
  readonly tree: LocalTree;
  readonly root: RemoteRoot;
  readonly shell: Shell;
  readonly index: AgreedIndex;
  readonly conflicts: ConflictStore;
  readonly guard: RootGuard;
  readonly mode: SyncMode;
  readonly ignored: IgnoreRules;
  /** The one name of a single-file session. */
  readonly only: string | undefined;
  readonly limits: NameLimits;
  /** Directories that stay on one side because of what was ignored in them. */
  readonly held: Set<string>;
  readonly lastLook: LastLook;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: SyncProgress) => void;
}

/** How much a round looks at. */
export interface RoundScope {
  /** Local paths that may have changed. With "none" the local side is taken to be as it was. */
  readonly local: readonly string[] | "all" | "none";
  /** Otherwise the remote side is taken to be as it was; a wrong guess is noticed and costs a round. */
  readonly scanRemote: boolean;
}
