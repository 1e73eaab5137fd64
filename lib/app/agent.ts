/**
 * The composition root: the only place that knows every room. It starts the remote hosts of a
 * configuration and what shows how they are, and closes them in the reverse order.
 */
import { Host, type HostRecord } from "./host.ts";
import { sourceOf } from "./source.ts";
import type { Configuration, HostSettings, ProgramSettings } from "../config/configuration.ts";
import { describeRemote } from "../config/settings.ts";
import { formatDuration } from "../config/values.ts";
import { AgentError, describeError } from "../errors.ts";
import { ContextStates } from "../hosts/context_states.ts";
import { ContextStore } from "../hosts/context_store.ts";
import type { HostSpec } from "../hosts/host_keeper.ts";
import { type HostChanges, HostSet } from "../hosts/host_set.ts";
import { untilIdle } from "../hosts/idle_watch.ts";
import { inContext, logger } from "../log.ts";
import { EventLog } from "../ops/event_log.ts";
import { Metrics } from "../ops/metrics.ts";
import { openOps, type Ops } from "../ops/ops.ts";
import type { HostStatus, OpsSource } from "../ops/source.ts";
import { terminalSecrets } from "../transport/ssh/connector.ts";

/** One remote host that is served. */
export interface ServedHost {
  readonly name?: string;
  /** For people, such as `ssh://dev@gpu`. */
  readonly remote: string;
  /** Where clients reach it, as values of `DOCKER_HOST`. */
  readonly addresses: readonly string[];
}

/** A running agent; whoever started it shuts it down. */
export interface Agent {
  /** The hosts as they are now. */
  readonly hosts: readonly ServedHost[];
  /** Stops accepting, lets requests finish for up to `timeoutMs`, then closes everything. */
  shutdown(timeoutMs: number): Promise<void>;
  /** Settles, with the reason, only if the agent cannot go on. */
  readonly failed: Promise<Error>;
  /** Settles, with the reason, when it was to end by itself. */
  readonly finished: Promise<string>;
  /**
   * Becomes what a changed configuration says; hosts that have not changed notice nothing. Absent: there
   * is one host, which is not from a file. Never rejects.
   */
  readonly reload?: (configuration: Configuration) => Promise<HostChanges>;
}

/**
 * Starts an agent: its addresses are taken by the time this settles, and a host that is not from a list
 * is connected and its engine answers. Throws `AgentError`, and then nothing is left behind; so does
 * an abort.
 */
export function startAgent(configuration: Configuration, signal: AbortSignal): Promise<Agent> {
  const [only] = configuration.hosts;
  if (configuration.isNamed || only === undefined) return startHosts(configuration, signal);
  return startOne(only, configuration.program, signal);
}

async function startOne(
  settings: HostSettings,
  program: ProgramSettings,
  signal: AbortSignal,
): Promise<Agent> {
  const record = { metrics: new Metrics(), events: new EventLog() };
  const host = new Host(settings, { ...record, isPatient: settings.onDemand });
  const hosts = () => [host];
  const ops = await openOps(sourceOf({ ...record, hosts }), program.ops);
  try {
    await host.start(signal);
  } catch (error) {
    await ops.close();
    throw error;
  }
  const idle = watchIdle(program, record.metrics, hosts);
  return {
    hosts: [served(host)],
    failed: host.failed,
    finished: idle.finished,
    async shutdown(timeoutMs) {
      idle.stop();
      await host.shutdown(timeoutMs);
      await ops.close();
    },
  };
}

async function startHosts(configuration: Configuration, signal: AbortSignal): Promise<Agent> {
  const record = {
    metrics: new Metrics(),
    events: new EventLog(),
    secrets: terminalSecrets(configuration.hosts[0]?.sshPassphrase()),
  };
  const set = new HostSet<Host>();
  const hosts = () => set.keepers.flatMap(({ unit }) => unit ?? []);
  const source = sourceOf({ ...record, hosts, absent: () => set.keepers.flatMap(absentStatus) });
  const face = new Face(source);
  const contexts = contextsOf(configuration);
  const tell = () => contexts?.update(source.hosts());
  const specsOf = (next: Configuration) => next.hosts.map((one) => specOf(one, record, tell));
  const finished = Promise.withResolvers<string>();
  const watch = (program: ProgramSettings) => {
    const idle = watchIdle(program, record.metrics, hosts);
    void idle.finished.then(finished.resolve);
    return idle;
  };
  const giveUp = () => void set.close(0);
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await face.open(configuration.program);
    signal.throwIfAborted();
    await set.apply(specsOf(configuration), 0);
    const [first] = set.keepers;
    if (signal.aborted) throw new AgentError("lost", "Starting was interrupted");
    if (hosts().length === 0) throw first?.error ?? new AgentError("config", "There is no host");
  } catch (error) {
    await set.close(0);
    await face.close();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
  let idle = watch(configuration.program);
  tell();
  return {
    get hosts() {
      return hosts().map(served);
    },
    failed: new Promise(() => {}), // each host goes on by itself
    finished: finished.promise,
    async reload(next) {
      idle.stop();
      idle = watch(next.program);
      await face.change(next.program);
      const changes = await set.apply(specsOf(next), next.program.shutdownTimeoutMs);
      tell();
      tellOfChanges(changes, record.events);
      return changes;
    },
    async shutdown(timeoutMs) {
      idle.stop();
      const states = source.hosts();
      await set.close(timeoutMs);
      await contexts?.close(states);
      await face.close();
    },
  };
}

/** The contexts of docker that lead to hosts, which show how these are. */
function contextsOf({ dockerFolder }: Configuration): ContextStates | undefined {
  return dockerFolder === undefined ? undefined : new ContextStates(new ContextStore(dockerFolder));
}

function served({ settings, addresses }: Host): ServedHost {
  const { name } = settings;
  return { ...(name !== undefined && { name }), remote: describeRemote(settings), addresses };
}

/** All that a host depends on, without what is for the whole program. */
function specOf(
  settings: HostSettings,
  record: HostRecord,
  onChange: () => void,
): HostSpec<Host> {
  const { name = "" } = settings;
  const {
    origins: _origins,
    logLevel: _level,
    logFormat: _format,
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

/** A host that was stopped and started in one go has been restarted. */
function tellOfChanges({ started, stopped }: HostChanges, events: EventLog): void {
  for (const name of new Set([...stopped, ...started])) {
    const change = !stopped.includes(name)
      ? "started"
      : started.includes(name)
      ? "restarted"
      : "stopped";
    events.emitter(name)({ kind: "host.reload", change });
  }
}

/** A host that could not be started is shown like one that is not connected. */
function absentStatus(
  { spec, unit, error, since }: HostSet<Host>["keepers"][number],
): HostStatus[] {
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

/** Ends the program when nobody has used any host for as long as the user says. */
function watchIdle(
  { idleExitMs }: ProgramSettings,
  metrics: Metrics,
  hosts: () => readonly Host[],
): { readonly finished: Promise<string>; stop(): void } {
  const over = new AbortController();
  const finished = Promise.withResolvers<string>();
  if (idleExitMs !== undefined) {
    const options = {
      idleMs: idleExitMs,
      isInUse: () => hosts().some(({ isInUse }) => isInUse),
      uses: () =>
        hosts().flatMap((host) => [...host.forwards(), ...host.bridges(), ...host.reverses()])
          .reduce((sum, { connections }) => sum + connections.total, metrics.connections.total),
    };
    void untilIdle(options, over.signal).then((isIdle) => {
      if (isIdle) finished.resolve(`nothing was used for ${formatDuration(idleExitMs)}`);
    });
  }
  return { finished: finished.promise, stop: () => over.abort() };
}

/**
 * What others see of a program with many hosts: its private socket, which stays, and its operations
 * server, which changes with the configuration.
 */
class Face {
  readonly #source: OpsSource;
  #private: Ops | undefined;
  #server: Ops | undefined;
  #shown = "";

  constructor(source: OpsSource) {
    this.#source = source;
  }

  /** Throws `AgentError` if an address cannot be listened on. */
  async open({ ops }: ProgramSettings): Promise<void> {
    this.#private = await openOps(this.#source, { ...ops, listen: [] });
    await this.#serve(ops);
  }

  /** Never rejects: the hosts are served whether or not somebody can watch. */
  async change({ ops }: ProgramSettings): Promise<void> {
    if (JSON.stringify(ops) === this.#shown) return;
    await this.#server?.close();
    this.#server = undefined;
    try {
      await this.#serve(ops);
    } catch (error) {
      logger("ops").error(describeError(error));
    }
  }

  async close(): Promise<void> {
    await this.#server?.close();
    await this.#private?.close();
  }

  async #serve(ops: ProgramSettings["ops"]): Promise<void> {
    this.#shown = JSON.stringify(ops);
    const { runtimeDirectory: _private, ...rest } = ops;
    this.#server = await openOps(this.#source, rest);
  }
}
