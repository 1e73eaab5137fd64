/**
 * The part of the composition root that is about ports: published ones, those of the host's network
 * and forwards that the user has written down. Whoever calls owns what is made.
 */
import { join } from "node:path";
import type { Emit } from "./agent_event.ts";
import { tellWhatWaits } from "./app_waiting.ts";
import { ownerId } from "./config/owner.ts";
import type { Settings } from "./config/settings.ts";
import { withHost } from "./docker/own_request.ts";
import { AgentError } from "./errors.ts";
import { HostPorts } from "./forward/host_ports.ts";
import { BindError, ForwardingManager, type ForwardingOptions } from "./forward/manager.ts";
import { tellNoGuest } from "./forward/tell_no_guest.ts";
import { Publishing } from "./intercept/publishing.ts";
import type { Obstacle } from "./forward/udp_tunnel.ts";
import { Reversing } from "./intercept/reversing.ts";
import type { Listener } from "./listen/listener.ts";
import { logger } from "./log.ts";
import { isLoopback } from "./net/address.ts";
import type { Duplex } from "./net/duplex.ts";
import type { Supervisor } from "./transport/supervisor.ts";

/** How long a client of a published port waits for a lost connection to come back. */
const FORWARD_WAIT_MS = 10_000;
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
    findShell: async (signal) =>
      (await supervisor.ready({ waitMs: FORWARD_WAIT_MS, signal })).shell,
    guarded: ({ port }) => guarded.has(port),
    open: tellNoGuest(
      (target, signal) =>
        supervisor.open(target, { lane: "ports", waitMs: FORWARD_WAIT_MS, signal }),
      logger("forward"),
    ),
    ...datagramsOf(supervisor),
  });
}

/**
 * Where the transport carries datagrams itself, no program on the remote host has to; it may be that a
 * guest that does so comes later.
 */
export function datagramsOf(supervisor: Supervisor): Pick<ForwardingOptions, "openDatagrams"> {
  const { state } = supervisor;
  if (state.kind !== "up") return {};
  const { openDatagrams, limits } = state.transport;
  if (openDatagrams === undefined && limits === undefined) return {};
  return {
    async openDatagrams(to, signal) {
      const transport = await supervisor.ready({ waitMs: FORWARD_WAIT_MS, signal });
      await transport.look?.();
      if (transport.openDatagrams !== undefined) return await transport.openDatagrams(to, signal);
      throw new AgentError("engine", transport.limits ?? "The guest carries no datagrams any more");
    },
  };
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
      await isUp(supervisor, signal);
      const { state } = supervisor;
      return state.kind === "up" ? state.transport.shell : undefined;
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
  { forwarding, hostPorts }: { forwarding: ForwardingManager; hostPorts: HostPorts },
): Promise<Publishing | undefined> {
  const { mode, foreign } = settings.ports;
  if (mode === "off" || settings.mode === "raw") return undefined;
  return new Publishing({
    policy: { owner: await ownerId(settings.stateFolder), mode },
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
      await isUp(supervisor, signal);
      return await supervisor.ready({ waitMs: 0, signal });
    },
  });
}

/** Streams to the engine for questions of our own: now, or as soon as the remote host is there. */
export function engineStreams(settings: Settings, supervisor: Supervisor) {
  const target = { kind: "docker" } as const;
  const lane = "interactive";
  return {
    open: async (signal?: AbortSignal) =>
      engineStream(
        settings,
        await supervisor.open(target, {
          lane,
          waitMs: settings.reconnectWaitMs,
          ...(signal && { signal }),
        }),
      ),
    openWhenUp: async (signal: AbortSignal) => {
      await isUp(supervisor, signal);
      return engineStream(settings, await supervisor.open(target, { lane, waitMs: 0, signal }));
    },
  };
}

/** A stream for questions of our own, which carry the name that a gateway expects. */
export function engineStream({ mtls }: Settings, stream: Duplex): Duplex {
  return mtls === undefined ? stream : withHost(stream, mtls.serverName);
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
      throw new AgentError("listen", `Cannot forward "${forward.text}": ${cause.message}`, {
        cause,
        hint: "choose another local port",
      });
    }
  }
}

/** Why the transport leads to the engine and nowhere else; nothing where it leads further. */
export function limitsOf({ state }: Supervisor): string | undefined {
  return state.kind === "up" ? state.transport.limits : undefined;
}

/** Waits for the remote host without asking for it: that would end the pauses between attempts. */
function isUp(supervisor: Supervisor, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const look = () => {
      if (supervisor.state.kind === "up") end(resolve);
      else if (supervisor.state.kind === "closed" || signal.aborted) {
        end(() => reject(signal.reason));
      }
    };
    const end = (settle: () => void) => {
      forget();
      signal.removeEventListener("abort", look);
      settle();
    };
    const forget = supervisor.onChange(look);
    signal.addEventListener("abort", look);
    look();
  });
}
