/** How far the transport leads: to the engine alone or further, and by which ways. */
import type { Settings } from "../config/settings/settings.ts";
import { AgentError } from "../errors.ts";
import type { ForwardingOptions } from "../forward/manager.ts";
import type { Obstacle } from "../forward/udp/tunnel.ts";
import type { Supervisor } from "../transport/supervisor.ts";

/** How long a client of a port or of the bridge waits for a lost connection to come back. */
export const CLIENT_WAIT_MS = 10_000;

/** Why the transport leads to the engine and nowhere else; nothing where it leads further. */
export function limitsOf({ live }: Supervisor): string | undefined {
  return live?.limits;
}

/** Why there is nothing but the engine behind a gateway, as it is when somebody asks. */
export function obstacleOf(
  { mtls, reconnectWaitMs: waitMs }: Settings,
  supervisor: Supervisor,
): { obstacle?: Obstacle } {
  if (mtls === undefined) return {};
  return {
    async obstacle(signal) {
      const transport = await supervisor.ready({ waitMs, signal });
      await transport.look?.();
      return transport.limits;
    },
  };
}

/**
 * Where the transport carries datagrams itself, no program on the remote host has to; it may be that a
 * guest that does so comes later.
 */
export function datagramsOf(supervisor: Supervisor): Pick<ForwardingOptions, "openDatagrams"> {
  const { live } = supervisor;
  if (live === undefined || (live.openDatagrams ?? live.limits) === undefined) return {};
  return {
    async openDatagrams(to, signal) {
      const transport = await supervisor.ready({ waitMs: CLIENT_WAIT_MS, signal });
      await transport.look?.();
      if (transport.openDatagrams !== undefined) return await transport.openDatagrams(to, signal);
      throw new AgentError("engine", transport.limits ?? "The guest carries no datagrams any more");
    },
  };
}
