/**
 * The composition root: the only place that knows every room. It makes the parts of one agent, joins
 * them, and closes them in the reverse order.
 */
import metadata from "../deno.json" with { type: "json" };
import { ownerId } from "./config/owner.ts";
import { describeRemote, type Settings } from "./config/settings.ts";
import { pingEngine } from "./docker/client.ts";
import type { Interceptor } from "./docker/exchange.ts";
import { AgentError } from "./errors.ts";
import { HostPorts } from "./forward/host_ports.ts";
import { BindError, ForwardingManager } from "./forward/manager.ts";
import type { RequestHead } from "./http/head.ts";
import { dump } from "./intercept/dump.ts";
import { Publishing } from "./intercept/publishing.ts";
import { checkClientHeaders } from "./listen/host_policy.ts";
import { listen } from "./listen/listen.ts";
import type { ClientInfo, Listener } from "./listen/listener.ts";
import { logger } from "./log.ts";
import { formatDockerHost, isLoopback, parseListenAddress } from "./net/address.ts";
import { forwardStatus } from "./ops/forward_status.ts";
import { HostWatch } from "./ops/host_watch.ts";
import { Metrics } from "./ops/metrics.ts";
import { openOps } from "./ops/ops.ts";
import type { OpsSource } from "./ops/source.ts";
import { Proxy } from "./proxy/proxy.ts";
import { connectMtls } from "./transport/mtls.ts";
import { sshConnector } from "./transport/ssh/connector.ts";
import type { SshSettings } from "./transport/ssh/settings.ts";
import { Supervisor } from "./transport/supervisor.ts";
import type { Connect } from "./transport/transport.ts";
import { parseRemoteDocker } from "./transport/url.ts";

/** How long a client of a published port waits for a lost connection to come back. */
const FORWARD_WAIT_MS = 10_000;
const DEFAULT_SSH_PORT = 22;

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
    cleanup.push(() => ops.close());
    await connect(supervisor, settings, signal);
    const forwarding = running.forwarding = makeForwarding(settings, supervisor, listeners);
    cleanup.push(() => forwarding.close());
    await openForwards(settings, forwarding);
    const hostPorts = makeHostPorts(settings, supervisor, forwarding);
    cleanup.push(() => hostPorts.close());
    const publishing = await makePublishing(settings, supervisor, { forwarding, hostPorts });
    cleanup.push(async () => await publishing?.close());
    const interceptors = publishing?.interceptors ?? [];
    const proxy = running.proxy = makeProxy(settings, supervisor, interceptors, running.metrics);
    publishing?.start();
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

/** How the remote host of the settings is connected. */
export function connectorOf(settings: Settings): Connect {
  const { mtls } = settings;
  if (mtls !== undefined) return (signal) => connectMtls(mtls, signal);
  return sshConnector(sshSettingsOf(settings), settings.sshPassphrase());
}

function sshSettingsOf(settings: Settings): SshSettings {
  const { sshHost = "", sshUser, sshPort, sshConfig, sshStrictHostKeyChecking } = settings;
  return {
    host: sshHost,
    ...(sshUser === undefined ? {} : { user: sshUser }),
    ...(sshPort === undefined ? {} : { port: sshPort }),
    keyFiles: settings.sshKeys,
    ...(sshConfig === undefined ? {} : { configFile: sshConfig }),
    ...(settings.sshKnownHosts.length === 0 ? {} : { knownHostsFiles: settings.sshKnownHosts }),
    ...(sshStrictHostKeyChecking && { strictHostKeyChecking: sshStrictHostKeyChecking }),
    connectTimeoutMs: settings.timeoutMs,
    remoteDocker: parseRemoteDocker(settings.remoteDocker),
  };
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
    const stream = await transport.open({ kind: "docker" });
    if (settings.mode === "raw") return stream.close();
    await pingEngine(stream, { timeoutMs: settings.timeoutMs, where: transport.description });
  } catch (error) {
    if (signal.aborted) throw new AgentError("lost", "Starting was interrupted", { cause: error });
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** The local ports; none of them may be one that leads to the agent or to its remote host. */
function makeForwarding(
  settings: Settings,
  supervisor: Supervisor,
  listeners: readonly Listener[],
): ForwardingManager {
  const own = listeners.flatMap(({ address }) => address.kind === "tcp" ? [address.port] : []);
  const { sshHost = "", sshPort = DEFAULT_SSH_PORT } = settings;
  const guarded = new Set([...own, ...(isLoopback(sshHost) ? [sshPort] : [])]);
  const { address, rules } = settings.ports;
  return new ForwardingManager({
    publishAddress: address,
    rules,
    findShell: async (signal) =>
      (await supervisor.ready({ waitMs: FORWARD_WAIT_MS, signal })).shell,
    guarded: ({ port }) => guarded.has(port),
    open: (target, signal) =>
      supervisor.open(target, { lane: "interactive", waitMs: FORWARD_WAIT_MS, signal }),
  });
}

/** Finds ports on the host's network; not those that are published or lead to the host itself. */
function makeHostPorts(
  settings: Settings,
  supervisor: Supervisor,
  forwarding: ForwardingManager,
): HostPorts {
  const { sshPort = DEFAULT_SSH_PORT } = settings;
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
      return new Set([sshPort, ...remote]);
    },
  });
}

/** What rewrites and follows published ports; nothing where they are left alone. */
async function makePublishing(
  settings: Settings,
  supervisor: Supervisor,
  { forwarding, hostPorts }: { forwarding: ForwardingManager; hostPorts: HostPorts },
): Promise<Publishing | undefined> {
  const { mode, foreign } = settings.ports;
  if (mode === "off" || settings.mode === "raw") return undefined;
  if (settings.transport === "mtls") {
    logger("ports").info(
      "Published ports stay on the remote host: the gateway only leads to Docker",
    );
    return undefined;
  }
  return new Publishing({
    policy: { owner: await ownerId(settings.stateFolder), mode },
    foreign,
    forwarding,
    hostPorts,
    open: (signal) =>
      supervisor.open({ kind: "docker" }, {
        lane: "interactive",
        waitMs: settings.reconnectWaitMs,
        ...(signal && { signal }),
      }),
    openWhenUp: async (signal) => {
      await isUp(supervisor, signal);
      return await supervisor.open({ kind: "docker" }, { lane: "interactive", waitMs: 0, signal });
    },
    warnings: (bindings) => forwarding.warnings(bindings),
  });
}

/** Opens the forwards that no container asks for. */
async function openForwards(settings: Settings, forwarding: ForwardingManager): Promise<void> {
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
