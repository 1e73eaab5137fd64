/** What the checks look at, and what earlier checks leave for later ones. */
import type { Place } from "../config/paths.ts";
import type { Settings } from "../config/settings/settings.ts";
import { AgentError } from "../errors.ts";
import type { ResolvedSsh } from "../transport/ssh/settings.ts";
import type { Shell, Transport } from "../transport/transport.ts";

/** The surroundings of one examination. Owns the connection. */
export class Patient {
  readonly settings: Settings;
  readonly place: Place;
  /** Present once the SSH settings have been resolved. */
  ssh?: ResolvedSsh;
  /** Present once connected. */
  transport?: Transport;
  /** Why it could not be connected. */
  connectError?: unknown;

  constructor(settings: Settings, place: Place) {
    this.settings = settings;
    this.place = place;
  }

  /** The first machine on the way to the remote host. */
  get endpoint(): { readonly host: string; readonly port: number } | undefined {
    const { mtls, tstunnel } = this.settings;
    if (this.ssh === undefined) return mtls ?? tstunnel;
    const first = this.ssh.jumps[0] ?? this.ssh;
    return { host: first.hostName, port: first.port };
  }

  /** The connection; throws where there is none. */
  get connected(): Transport {
    if (this.transport !== undefined) return this.transport;
    throw new AgentError("unreachable", "There is no connection to the remote host");
  }

  /** Commands on the remote host; throws where there are none. */
  get shell(): Shell {
    const { shell } = this.connected;
    if (shell !== undefined) return shell;
    throw new AgentError("engine", "The way to the remote host carries no commands", {
      hint: "published ports and bind mounts need SSH, or a guest behind the gateway",
    });
  }

  close(): void {
    this.transport?.close();
  }
}
