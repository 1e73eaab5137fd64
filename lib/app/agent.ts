/** A running agent as the commands see it. */
import type { Configuration } from "../config/configuration.ts";
import { describeRemote } from "../config/settings/settings.ts";
import type { HostChanges } from "../hosts/host_set.ts";
import type { Host } from "./host.ts";

/** One remote host that is served. */
export interface ServedHost {
  readonly name?: string;
  /** For people, such as `ssh://dev@gpu`. */
  readonly remote: string;
  /** Where clients reach it, as values of `DOCKER_HOST`. */
  readonly addresses: readonly string[];
}

/** A running agent; whoever started it shuts it down. */
export interface Agent {
  /** The hosts as they are now. */
  readonly hosts: readonly ServedHost[];
  /** Stops accepting, lets requests finish for up to `timeoutMs`, then closes everything. */
  shutdown(timeoutMs: number): Promise<void>;
  /** Settles, with the reason, only if the agent cannot go on. */
  readonly failed: Promise<Error>;
  /** Settles, with the reason, when it was to end by itself. */
  readonly finished: Promise<string>;
  /**
   * Becomes what a changed configuration says; hosts that have not changed notice nothing. Absent: there
   * is one host, which is not from a file. Never rejects.
   */
  readonly reload?: (configuration: Configuration) => Promise<HostChanges>;
}

/** What a host is for those who only use it. */
export function servedHost({ settings, addresses }: Host): ServedHost {
  const { name } = settings;
  return { ...(name !== undefined && { name }), remote: describeRemote(settings), addresses };
}
