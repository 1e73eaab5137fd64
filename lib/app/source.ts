/** The part of the composition root that shows how the remote hosts of a program are. */
import metadata from "../../deno.json" with { type: "json" };
import { forwardStatus } from "../ops/forward_status.ts";
import { forwardDetails, reverseDetails } from "../ops/forwards.ts";
import { joinSyncs } from "../ops/sources/joined_sync.ts";
import type { Metrics } from "../ops/metrics/metrics.ts";
import type { EventLog } from "../ops/event_log.ts";
import type { HostStatus, OpsSource, SyncControl } from "../ops/sources/source.ts";
import { syncStatus } from "../ops/sync_status.ts";
import { bridgeDetails, bridgeStatus } from "./bridge.ts";
import type { Host } from "./host.ts";

/** What there is to show, at any moment. */
export interface Shown {
  readonly metrics: Metrics;
  readonly events: EventLog;
  /** The hosts that run. */
  hosts(): readonly Host[];
  /** Those that should and do not. */
  absent?(): readonly HostStatus[];
}

/** Without its guest a host is reached by none of its ports. */
function asReached<T extends { readonly state: string }>(host: Host, ports: readonly T[]) {
  if (host.status().limits === undefined) return ports;
  return ports.map((port) => ({ ...port, state: "waiting" as const }));
}

function portsInShort(host: Host) {
  return asReached(host, [...host.forwards().map(forwardStatus), ...bridgeStatus(host.bridges())]);
}

function portsInFull(host: Host) {
  return asReached(host, [
    ...host.forwards().map(forwardDetails),
    ...bridgeDetails(host.bridges()),
    ...host.reverses().map(reverseDetails),
  ]);
}

/** See the file comment. */
export function sourceOf({ metrics, events, hosts, absent = () => [] }: Shown): OpsSource {
  const each = <T extends { host?: string }>(list: (host: Host) => readonly T[]): T[] =>
    hosts().flatMap((host) => {
      const { name } = host.settings;
      return list(host).map((item) => name === undefined ? item : { host: name, ...item });
    });
  return {
    command: "start",
    version: metadata.version,
    metrics,
    events,
    get maxConnections() {
      return hosts().reduce((sum, { settings }) => sum + settings.limits.maxConnections, 0);
    },
    listening: () => hosts().flatMap(({ addresses }) => addresses),
    hosts: () => [...hosts().map((host) => host.status()), ...absent()],
    waiting: () => hosts().reduce((sum, { waiting }) => sum + waiting, 0),
    forwards: () => each(portsInShort),
    forwardDetails: () => each(portsInFull),
    syncs: () => each((host) => host.sync?.snapshot().map((info) => syncStatus(info)) ?? []),
    sync: () => syncOf(hosts()),
    async refresh() {
      await Promise.all(hosts().map((host) => host.measure()));
    },
    /** One host that serves is enough: each is on its own. */
    notReady() {
      const reasons = hosts().map((host) => host.notReady());
      if (reasons.length === 0) return "The program is starting";
      return reasons.every((reason) => reason !== undefined) ? reasons[0] : undefined;
    },
  };
}

function syncOf(hosts: readonly Host[]): SyncControl | undefined {
  const parts = hosts.flatMap(({ settings: { name }, sync }) =>
    sync === undefined ? [] : [name === undefined ? sync : named(sync, name)]
  );
  return parts.length === 0 ? undefined : joinSyncs(parts);
}

/** The sessions of a host, which say whose they are. */
function named(sync: SyncControl, host: string): SyncControl {
  return {
    snapshot: () => sync.snapshot().map((info) => ({ host, ...info })),
    conflicts: () => sync.conflicts(),
    flush: (...args) => sync.flush(...args),
    pause: (session) => sync.pause(session),
    resume: (session) => sync.resume(session),
    restore: (...args) => sync.restore(...args),
    prune: (options) => sync.prune(options),
  };
}
