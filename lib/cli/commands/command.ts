/** What a command is to the table that dispatches to it. */
import type { Sources } from "../../config/load.ts";
import type { Invocation } from "../args.ts";
import type { System } from "../system.ts";
import type { runRelayCommand } from "./relay.ts";
import type { StartAgent } from "./start.ts";

/** What commands work with. */
export interface Dependencies {
  readonly startAgent: StartAgent;
  /** Default: the real one. */
  readonly runRelay?: typeof runRelayCommand;
}

/** One run of one command. */
export interface CommandRun extends Dependencies {
  readonly invocation: Extract<Invocation, { kind: "run" }>;
  readonly sources: Sources;
  readonly system: System;
}

/** Runs a command to its end and returns the exit code; throws `AgentError`. */
export type RunCommand = (run: CommandRun) => Promise<number>;
