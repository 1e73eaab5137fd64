/** What a session works with, and the errors it ends a flush with. */
import type { Emit } from "../../agent_event.ts";
import { AgentError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import type { LocalTree } from "../local/tree.ts";
import type { WatchingShell } from "../remote/watch.ts";
import type { RoundResult } from "./round.ts";

/** What a session needs of its surroundings. */
export interface SessionDeps {
  /** Commands on the remote host; waits a bounded time for the connection, then throws. */
  readonly shell: (signal: AbortSignal) => Promise<WatchingShell>;
  readonly platform: LocalTree["platform"];
  readonly ignoresCase: boolean;
  /** Also heed the root's `.gitignore`. */
  readonly gitignore: boolean;
  readonly log: Logger;
  /** Default: nobody is told. */
  readonly emit?: Emit;
  /** How long whoever asks for a folder waits for another process; see `session_lock.ts`. */
  readonly patienceMs?: number;
}

/** Somebody who waits for a flush. */
export interface Waiter {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Whoever waits for a session that ends gets this. */
export function closed(): AgentError {
  return new AgentError("lost", "The agent is shutting down");
}

/** Paths that cannot be brought to rest, and what the remote host says about them. */
export function unsettled({ unsettled: paths, complaints }: RoundResult): AgentError {
  const more = paths.length > 1 ? ` and ${paths.length - 1} more` : "";
  const why = complaints.slice(0, 3).join("; ");
  return new AgentError("engine", `Cannot sync "${paths[0]}"${more}: ${why}`, {
    hint: "see remote-docker-agent syncs; a file that is not meant to travel can be ignored",
  });
}

/** A flush of a session that somebody has paused. */
export function paused(root: string): AgentError {
  return new AgentError("engine", `The sync of "${root}" is paused`, {
    hint: "go on with: remote-docker-agent syncs resume",
  });
}
