/**
 * The part of the composition root that is about ports: published ones, those of the host's network
 * and forwards that the user has written down. Whoever calls owns what is made.
 */
import { join } from "node:path";
import type { Emit } from "../agent_event.ts";
import type { Settings } from "../config/settings/settings.ts";
import { AgentError } from "../errors.ts";
import { BindError } from "../forward/bind_error.ts";
import { HostPorts } from "../forward/host_ports.ts";
import { ForwardingManager } from "../forward/manager.ts";
import { tellNoGuest } from "../forward/tell_no_guest.ts";
import { Publishing } from "../intercept/ports/publishing.ts";
import { Reversing } from "../intercept/reversing.ts";
import type { Listener } from "../listen/listener.ts";
import { logger } from "../log.ts";
import { isLoopback } from "../net/address.ts";
import type { Supervisor } from "../transport/supervisor.ts";
import { engineStreams, untilUp } from "./engine_streams.ts";
import { CLIENT_WAIT_MS, datagramsOf, obstacleOf } from "./reach.ts";
import { tellWhatWaits } from "./waiting.ts";

const DEFAULT_SSH_PORT = 22;

/** The local ports; none of them may be one that leads to the agent or to its remote host. */
export function makeForwarding(
  settings: Settings,
  supervisor: Supervisor,
  listeners: readonly Listener[],
  emit: Emit,
): ForwardingManager {
  const own = listeners.flatMap(({ address }) => address.kind === "tcp" ? [address.port] : []);
  const { host, port } = remoteAddress(settings);
  const guarded = new Set([...own, ...(isLoopback(host) ? [port] : [])]);
  const { stateFolder, ports: { address, rules } } = settings;
  return new ForwardingManager({
    emit,
    ...(stateFolder === undefined ? {} : { portsFolder: join(stateFolder, "ports") }),
    publishAddress: address,
    rules,
    findShell: async (signal) => (await supervisor.ready({ waitMs: CLIENT_WAIT_MS, signal })).shell,
    guarded: ({ port }) => guarded.has(port),
    open: tellNoGuest(
      (target, signal) =>
        supervisor.open(target, { lane: "ports", waitMs: CLIENT_WAIT_MS, signal }),
      logger("forward"),
    ),
    ...datagramsOf(supervisor),
  });
}

/** What listens on the remote host for us. */
function remoteAddress(settings: Settings): { host: string; port: number } {
  const { mtls, tstunnel, sshHost: host = "", sshPort: port = DEFAULT_SSH_PORT } = settings;
  return mtls ?? tstunnel ?? { host, port };
}

/** Finds ports on the host's network; not those that are published or lead to the host itself. */
export function makeHostPorts(
  settings: Settings,
  supervisor: Supervisor,
  forwarding: ForwardingManager,
): HostPorts {
  const { port } = remoteAddress(settings);
  return new HostPorts({
    forwarding,
    findShell: async (signal) => {
      await untilUp(supervisor, signal);
      return supervisor.live?.shell;
    },
    exclude: () => {
      const remote = forwarding.snapshot().filter(({ kind }) => kind === "published")
        .flatMap((each) => each.remote?.port ?? []);
      return new Set([port, ...remote]);
    },
  });
}

/** What rewrites and follows published ports; nothing where they are left alone. */
export async function makePublishing(
  settings: Settings,
  supervisor: Supervisor,
  { forwarding, hostPorts, ownerId }: {
    forwarding: ForwardingManager;
    hostPorts: HostPorts;
    ownerId: () => Promise<string>;
  },
): Promise<Publishing | undefined> {
  const { mode, foreign } = settings.ports;
  if (mode === "off" || settings.mode === "raw") return undefined;
  return new Publishing({
    policy: { owner: await ownerId(), mode },
    foreign,
    forwarding,
    hostPorts,
    ...engineStreams(settings, supervisor),
    ...obstacleOf(settings, supervisor),
    warnings: (bindings) => forwarding.warnings(bindings),
  });
}

/** Ports of this machine that containers reach; nothing unless the user asks for it. */
export function makeReversing(settings: Settings, supervisor: Supervisor): Reversing {
  return new Reversing({
    targets: settings.ports.reverse,
    open: engineStreams(settings, supervisor).open,
    nextTransport: async (signal) => {
      await untilUp(supervisor, signal);
      return await supervisor.ready({ waitMs: 0, signal });
    },
  });
}

/**
 * Opens the forwards that no container asks for. Where there is no guest yet, as `limits` says, they
 * lead nowhere until it is there, which the log tells of all that waits for it.
 */
export async function openForwards(
  settings: Settings,
  { forwarding, limits }: { forwarding: ForwardingManager; limits: string | undefined },
): Promise<void> {
  tellWhatWaits(settings, limits);
  for (const forward of settings.ports.forwards) {
    try {
      await forwarding.addPlain(forward);
    } catch (cause) {
      if (!(cause instanceof BindError)) throw cause;
      throw new AgentError("listen", `Cannot forward "${forward.text}": ${cause.plainText}`, {
        cause,
        hint: "choose another local port",
      });
    }
  }
}
