/**
 * The part of the composition root that is about the network bridge. Whoever calls owns what is made.
 */
import type { Emit } from "../agent_event.ts";
import { Bridge, type BridgeInfo } from "../bridge/bridge.ts";
import type { Settings } from "../config/settings/settings.ts";
import { formatHostPort } from "../net/address.ts";
import type { ForwardDetails, ForwardStatus } from "../ops/sources/source.ts";
import type { Supervisor } from "../transport/supervisor.ts";
import { engineStreams } from "./engine_streams.ts";
import { CLIENT_WAIT_MS, datagramsOf, obstacleOf } from "./reach.ts";

/** The bridge of one remote host; nothing unless the user asks for it. Throws as `Bridge.open`. */
export async function makeBridge(
  settings: Settings,
  supervisor: Supervisor,
  emit: Emit,
): Promise<Bridge | undefined> {
  if (settings.bridge === undefined) return undefined;
  return await Bridge.open(settings.bridge, {
    open: (target, signal) =>
      supervisor.open(target, { lane: "interactive", waitMs: CLIENT_WAIT_MS, signal }),
    findShell: async (signal) => (await supervisor.ready({ waitMs: CLIENT_WAIT_MS, signal })).shell,
    engine: engineStreams(settings, supervisor),
    ...datagramsOf(supervisor),
    ...obstacleOf(settings, supervisor),
    emit,
  });
}

/** The addresses of a bridge beside the published ports. */
export function bridgeStatus(bridges: readonly BridgeInfo[]): ForwardStatus[] {
  return bridges.map((info) => ({
    local: `${localOf(info)}/tcp`,
    target: `${info.kind} bridge`,
    state: "live",
    connections: info.connections.open,
  }));
}

/** The same with all that is known of them. */
export function bridgeDetails(bridges: readonly BridgeInfo[]): ForwardDetails[] {
  return bridges.map((info) => ({
    kind: "bridge",
    container: info.kind,
    container_id: "",
    requested: localOf(info),
    local: localOf(info),
    remote: "the network",
    protocol: "tcp",
    state: "live",
    connections: info.connections,
    bytes: info.bytes,
  }));
}

function localOf({ local }: BridgeInfo): string {
  return formatHostPort(local.host, local.port);
}
