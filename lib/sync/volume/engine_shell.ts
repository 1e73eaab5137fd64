/** In the place of a shell where the remote host runs no commands for us: the engine is all there is. */
import type { EngineCalls } from "../../docker/engine_calls.ts";
import { AgentError } from "../../errors.ts";
import type { CommandResult, RemoteProcess, Shell } from "../../transport/transport.ts";

/** See the file comment. */
export class EngineShell implements Shell {
  readonly engine: EngineCalls;
  readonly owner: string;

  /** @param owner Whose volumes these are; see `ownerId`. */
  constructor(engine: EngineCalls, owner: string) {
    this.engine = engine;
    this.owner = owner;
  }

  run(): Promise<CommandResult> {
    return Promise.reject(noCommands());
  }

  spawn(): Promise<RemoteProcess> {
    return Promise.reject(noCommands());
  }
}

function noCommands(): AgentError {
  return new AgentError("engine", "The remote host runs no commands for us");
}
