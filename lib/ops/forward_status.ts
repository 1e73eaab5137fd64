/** A local port as the status shows it. */
import type { ForwardInfo } from "../forward/forward_info.ts";
import { formatHostPort } from "../net/address.ts";
import type { ForwardStatus } from "./sources/source.ts";

/** See the file comment. */
export function forwardStatus(info: ForwardInfo): ForwardStatus {
  const { local, protocol, container, requested, state, connections } = info;
  return {
    local: `${formatHostPort(local.host, local.port)}/${protocol}`,
    target: `${container.name}:${requested.containerPort}/${protocol}`,
    state,
    connections: connections.open,
  };
}
