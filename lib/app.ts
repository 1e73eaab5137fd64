/**
 * The composition root: the only place that knows every room. It makes the parts of one agent, joins
 * them, and closes them in the reverse order.
 */
import metadata from "../deno.json" with { type: "json" };
import { type Binding, makeBinding } from "./app_binds.ts";
import {
  engineStream,
  limitsOf,
  makeForwarding,
  makeHostPorts,
  makePublishing,
  makeReversing,
  openForwards,
} from "./app_ports.ts";
import { connectorOf, makeOnTheWay } from "./app_transport.ts";
import { describeRemote, type Settings } from "./config/settings.ts";
import { pingEngine } from "./docker/client.ts";
import type { Interceptor } from "./docker/exchange.ts";
import { AgentError } from "./errors.ts";
import type { ForwardingManager } from "./forward/manager.ts";
import type { RequestHead } from "./http/head.ts";
import { dump } from "./intercept/dump.ts";
import { resume } from "./intercept/resume/resume.ts";
import { checkClientHeaders } from "./listen/host_policy.ts";
import { listen } from "./listen/listen.ts";
import type { ClientInfo, Listener } from "./listen/listener.ts";
import { logger } from "./log.ts";
import { formatDockerHost, parseListenAddress } from "./net/address.ts";
import { forwardStatus } from "./ops/forward_status.ts";
import { forwardDetails } from "./ops/forwards.ts";
import { HostWatch } from "./ops/host_watch.ts";
import { Metrics } from "./ops/metrics.ts";
import { openOps } from "./ops/ops.ts";
import type { OpsSource } from "./ops/source.ts";
import { syncStatus } from "./ops/sync_status.ts";
import { Proxy } from "./proxy/proxy.ts";
import { linkOf } from "./transport/link.ts";
import { Supervisor } from "./transport/supervisor.ts";

/** A running agent; whoever started it shuts it down. */
export interface Agent {
  /** Where it listens, as values of `DOCKER_HOST`. */
  readonly addresses: readonly string[];
  /** Stops accepting, lets requests finish for up to `timeoutMs`, then closes everything. */
  shutdown(timeoutMs: number): Promise<void>;
  /** Settles, with the reason, only if the agent cannot go on. */
  readonly failed: Promise<Error>;
}

/**
 * Starts an agent: its addresses are taken, the remote host is connected and its engine answers by
 * the time this settles. Throws `AgentError`, and then nothing is left behind; so does an abort.
 */
export async function startAgent(settings: Settings, signal: AbortSignal): Promise<Agent> {
  const cleanup: (() => Promise<void>)[] = [];
  const undo = async () => {
    for (const step of cleanup.splice(0).reverse()) await step();
  };
  const running: Running = { phase: "The program is starting", metrics: new Metrics() };
  try {
    const listeners = running.listeners = await openListeners(settings, cleanup);
    const supervisor = new Supervisor({ connect: connectorOf(settings) });
    cleanup.push(() => supervisor.close());
    const watch = new HostWatch(describeRemote(settings), supervisor);
    const ops = await openOps(sourceOf(settings, running, watch), settings.ops);
    cleanup.push(() => {
      watch.close();
      return ops.close();
    });
    await connect(supervisor, settings, signal);
    const forwarding = running.forwarding = makeForwarding(settings, supervisor, listeners);
    cleanup.push(() => forwarding.close());
    await openForwards(settings, { forwarding, limits: limitsOf(supervisor) });
    const hostPorts = makeHostPorts(settings, supervisor, forwarding);
    cleanup.push(() => hostPorts.close());
    const publishing = await makePublishing(settings, supervisor, { forwarding, hostPorts });
    cleanup.push(async () => await publishing?.close());
    const reversing = makeReversing(settings, supervisor);
    cleanup.push(() => reversing.close());
    const binding = running.binding = await makeBinding(settings, supervisor);
    cleanup.push(async () => await binding?.sync.close());
    cleanup.push(async () => await binding?.mounts.close());
    const onTheWay = makeOnTheWay(settings, supervisor);
    cleanup.push(() => Promise.resolve(onTheWay.close()));
    const interceptors = [
      ...publishing?.interceptors ?? [],
      ...reversing.interceptors,
      ...binding?.mounts.interceptors ?? [],
      ...onTheWay.interceptors,
      resume(linkOf(supervisor)),
    ];
    const proxy = running.proxy = makeProxy(settings, supervisor, interceptors, running.metrics);
    publishing?.start();
    reversing.start();
    binding?.mounts.start();
    for (const listener of listeners) serve(listener, proxy);
    running.phase = undefined;
    return {
      addresses: listeners.map(({ dockerHost }) => dockerHost),
      failed: supervisor.failed,
      async shutdown(timeoutMs) {
        running.phase = "The program is shutting down";
        await Promise.all(listeners.map((listener) => listener.close()));
        await proxy.shutdown(timeoutMs);
        await undo();
      },
    };
  } catch (error) {
    await undo();
    throw error;
  }
}

/** What is there so far; shown to whoever asks how the agent is. */
interface Running {
  /** Why clients are not served; `undefined` while they are. */
  phase: string | undefined;
  readonly metrics: Metrics;
  listeners?: readonly Listener[];
  forwarding?: ForwardingManager;
  proxy?: Proxy;
  binding?: Binding | undefined;
}

function sourceOf(settings: Settings, running: Running, watch: HostWatch): OpsSource {
  return {
    command: "start",
    version: metadata.version,
    metrics: running.metrics,
    maxConnections: settings.limits.maxConnections,
    listening: () => running.listeners?.map(({ dockerHost }) => dockerHost) ?? [],
    hosts: () => [watch.status()],
    waiting: () => running.proxy?.waiting ?? 0,
    forwards: () => running.forwarding?.snapshot().map(forwardStatus) ?? [],
    forwardDetails: () => running.forwarding?.snapshot().map(forwardDetails) ?? [],
    syncs: () => running.binding?.sync.snapshot().map((info) => syncStatus(info)) ?? [],
    sync: () => running.binding?.sync,
    refresh: () => watch.measure(),
    notReady() {
      const { name, state } = watch.status();
      return running.phase ?? (state === "up" ? undefined : `${name} is not connected`);
    },
  };
}

async function openListeners(
  settings: Settings,
  cleanup: (() => Promise<void>)[],
): Promise<Listener[]> {
  const { allowRemoteClients, tls } = settings;
  const listeners: Listener[] = [];
  for (const text of settings.listen) {
    const address = parseListenAddress(text);
    const listener = await listen(address, { allowRemoteClients, ...(tls && { tls }) });
    cleanup.push(() => listener.close());
    listeners.push(listener);
    if (address.kind === "tcp" && address.hostImplied) {
      logger("listen").info(`"${text}" names no host: taken as ${formatDockerHost(address)}`);
    }
  }
  return listeners;
}

/** Connects, and asks the engine whether it is there, before anybody is told that we are ready. */
async function connect(
  supervisor: Supervisor,
  settings: Settings,
  signal: AbortSignal,
): Promise<void> {
  const giveUp = () => void supervisor.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    signal.throwIfAborted();
    const transport = await supervisor.start();
    const stream = engineStream(settings, await transport.open({ kind: "docker" }));
    if (settings.mode === "raw") return stream.close();
    await pingEngine(stream, { timeoutMs: settings.timeoutMs, where: transport.description });
  } catch (error) {
    if (signal.aborted) throw new AgentError("lost", "Starting was interrupted", { cause: error });
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function makeProxy(
  settings: Settings,
  supervisor: Supervisor,
  interceptors: readonly Interceptor[],
  observer: Metrics,
): Proxy {
  const proxy = new Proxy({
    mode: settings.mode,
    warm: settings.warmConnections,
    interceptors: settings.dump ? [dump, ...interceptors] : interceptors,
    limits: settings.limits,
    observer,
    link: linkOf(supervisor),
    open: (lane, signal) =>
      supervisor.open({ kind: "docker" }, {
        lane,
        waitMs: settings.reconnectWaitMs,
        ...(signal && { signal }),
      }),
  });
  supervisor.onChange(() => {
    if (supervisor.state.kind === "up") proxy.warmUp();
  });
  proxy.warmUp();
  return proxy;
}

function serve(listener: Listener, proxy: Proxy): void {
  // Web pages reach TCP on loopback, but neither socket files nor listeners that ask for a certificate.
  const guarded = listener.address.kind === "tcp" && !listener.mutualTls;
  listener.serve((duplex, info) =>
    proxy.serve(duplex, {
      remote: info.remote,
      identity: identityOf(info),
      ...(guarded && { guard: guardOf }),
    })
  );
}

/** Clients that cannot be told apart share their places: one certificate, one address, one socket. */
function identityOf({ remote, subject }: ClientInfo): string {
  return subject ?? remote.replace(/:\d+$/, "");
}

function guardOf({ headers }: RequestHead) {
  return checkClientHeaders(
    headers.get("Host"),
    headers.get("Origin"),
    headers.get("Sec-Fetch-Site"),
  );
}
