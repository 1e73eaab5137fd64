/** The local ports of a running command in full, for the command `forwards`. */
import type { ForwardInfo } from "../forward/forward_info.ts";
import type { ReverseInfo } from "../forward/reverse.ts";
import { formatHostPort } from "../net/address.ts";
import type { ForwardDetails, OpsSource } from "./sources/source.ts";

/** What `/forwards` answers. */
export interface Forwards {
  readonly pid: number;
  /** The remote hosts, for people. */
  readonly hosts: readonly string[];
  readonly forwards: readonly ForwardDetails[];
}

/** See {@link Forwards}. */
export function forwardsOf(source: OpsSource): Forwards {
  return {
    pid: Deno.pid,
    hosts: source.hosts().map(({ name }) => name),
    forwards: [...source.forwardDetails?.() ?? []],
  };
}

/** One local port as it is shown. */
export function forwardDetails(info: ForwardInfo): ForwardDetails {
  const { kind, container, requested, local, twin, remote, protocol, state } = info;
  const { connections, bytes } = info;
  const { hostIp, hostPort, containerPort } = requested;
  const address = hostIp === "" ? "" : `${hostIp.includes(":") ? `[${hostIp}]` : hostIp}:`;
  return {
    kind,
    container: container.name,
    container_id: kind === "plain" ? "" : container.id,
    requested: `${address}${hostPort}:${containerPort}/${protocol}`,
    local: formatHostPort(local.host, local.port),
    ...(twin === undefined ? {} : { local_twin: formatHostPort(twin.host, twin.port) }),
    remote: remote === undefined ? "" : formatHostPort(remote.host, remote.port),
    protocol,
    state,
    connections,
    bytes,
  };
}

/** One port of this machine for containers, shown as the local ports are. */
export function reverseDetails({ target, remote, ...counts }: ReverseInfo): ForwardDetails {
  const written = `${target.name}:${target.port}`;
  return {
    kind: "reverse",
    container: written,
    container_id: "",
    requested: written,
    local: formatHostPort("127.0.0.1", target.port),
    remote: remote === undefined ? "" : formatHostPort(remote.host, remote.port),
    protocol: "tcp",
    state: remote === undefined ? "reserved" : "live",
    ...counts,
  };
}

/** Whether an answer is one, from whatever version of the program. */
export function isForwards(value: unknown): value is Forwards {
  if (typeof value !== "object" || value === null) return false;
  return "pid" in value && "hosts" in value && "forwards" in value &&
    Array.isArray(value.forwards);
}
