/** A remote host of a configuration as the set of hosts keeps it, and as it is shown while it is absent. */
import type { HostSettings } from "../config/configuration.ts";
import { describeRemote } from "../config/settings/settings.ts";
import { describeError } from "../errors.ts";
import type { HostKeeper, HostSpec } from "../hosts/host_keeper.ts";
import { inContext, logger } from "../log.ts";
import type { HostStatus } from "../ops/sources/source.ts";
import { Host, type HostRecord } from "./host.ts";

/** All that a host depends on, without what is for the whole program. */
export function specOf(
  settings: HostSettings,
  record: HostRecord,
  onChange: () => void,
): HostSpec<Host> {
  const { name = "" } = settings;
  const {
    origins: _origins,
    logLevel: _level,
    logFormat: _format,
    logFile: _file,
    ops: _ops,
    shutdownTimeoutMs: _timeout,
    idleExitMs: _idle,
    ...own
  } = settings;
  return {
    name,
    address: describeRemote(settings),
    fingerprint: JSON.stringify(own),
    start: (signal) =>
      inContext({ host: name }, async () => {
        const host = new Host(settings, { ...record, isPatient: true });
        host.onChange(onChange);
        await host.start(signal);
        for (const address of host.addresses) {
          logger("start").info(`Listening on ${address} for ${describeRemote(settings)}`);
        }
        return host;
      }),
  };
}

/** A host that could not be started is shown like one that is not connected. */
export function absentStatus({ spec, unit, error, since }: HostKeeper<Host>): HostStatus[] {
  if (unit !== undefined) return [];
  return [{
    name: spec.name,
    address: spec.address,
    state: error === undefined ? "connecting" : "down",
    since: since.toISOString(),
    losses: 0,
    reconnects: 0,
    failed_attempts: 0,
    rtt_ms: null,
    last_error: error === undefined ? "" : describeError(error),
  }];
}
