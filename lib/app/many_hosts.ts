/**
 * An agent with the remote hosts of a configuration file, each going on by itself. It owns their set,
 * the contexts of docker that lead to them, and what shows how they are.
 */
import type { Configuration, ProgramSettings } from "../config/configuration.ts";
import { AgentError } from "../errors.ts";
import { ContextStates } from "../hosts/context_states.ts";
import { ContextStore } from "../hosts/context_store.ts";
import { type HostChanges, HostSet } from "../hosts/host_set.ts";
import { EventLog } from "../ops/event_log.ts";
import { Metrics } from "../ops/metrics/metrics.ts";
import type { OpsSource } from "../ops/sources/source.ts";
import { terminalSecrets } from "../transport/ssh/connector.ts";
import { type Agent, type ServedHost, servedHost } from "./agent.ts";
import { Face } from "./face.ts";
import type { Host, HostRecord } from "./host.ts";
import { absentStatus, specOf } from "./host_spec.ts";
import { type IdleWatch, watchIdle } from "./idle.ts";
import { sourceOf } from "./source.ts";

/** See the file comment. */
export class ManyHosts implements Agent {
  readonly #set = new HostSet<Host>();
  readonly #record: HostRecord;
  readonly #source: OpsSource;
  readonly #face: Face;
  readonly #contexts: ContextStates | undefined;
  readonly #finished = Promise.withResolvers<string>();
  #idle: IdleWatch | undefined;

  private constructor({ hosts, dockerFolder }: Configuration) {
    this.#record = {
      metrics: new Metrics(),
      events: new EventLog(),
      secrets: terminalSecrets(hosts[0]?.sshPassphrase()),
    };
    this.#source = sourceOf({
      ...this.#record,
      hosts: () => this.#running(),
      absent: () => this.#set.keepers.flatMap(absentStatus),
    });
    this.#face = new Face(this.#source);
    if (dockerFolder !== undefined) {
      this.#contexts = new ContextStates(new ContextStore(dockerFolder));
    }
  }

  /** See `startAgent`. */
  static async start(configuration: Configuration, signal: AbortSignal): Promise<ManyHosts> {
    const agent = new ManyHosts(configuration);
    const giveUp = () => void agent.#set.close(0);
    signal.addEventListener("abort", giveUp, { once: true });
    try {
      await agent.#start(configuration, signal);
      return agent;
    } catch (error) {
      await agent.#set.close(0);
      await agent.#face.close();
      throw error;
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
  }

  get hosts(): readonly ServedHost[] {
    return this.#running().map(servedHost);
  }

  /** Each host goes on by itself. */
  readonly failed = new Promise<Error>(() => {});

  get finished(): Promise<string> {
    return this.#finished.promise;
  }

  async reload(next: Configuration): Promise<HostChanges> {
    this.#watchIdle(next.program);
    await this.#face.change(next.program);
    const changes = await this.#apply(next, next.program.shutdownTimeoutMs);
    this.#tell();
    tellOfChanges(changes, this.#record.events);
    return changes;
  }

  async shutdown(timeoutMs: number): Promise<void> {
    this.#idle?.stop();
    const states = this.#source.hosts();
    await this.#set.close(timeoutMs);
    await this.#contexts?.close(states);
    await this.#face.close();
  }

  async #start(configuration: Configuration, signal: AbortSignal): Promise<void> {
    await this.#face.open(configuration.program);
    signal.throwIfAborted();
    await this.#apply(configuration, 0);
    if (signal.aborted) throw new AgentError("lost", "Starting was interrupted");
    if (this.#running().length === 0) {
      throw this.#set.keepers[0]?.error ?? new AgentError("config", "There is no host");
    }
    this.#watchIdle(configuration.program);
    this.#tell();
  }

  #apply({ hosts }: Configuration, timeoutMs: number): Promise<HostChanges> {
    const specs = hosts.map((host) => specOf(host, this.#record, () => this.#tell()));
    return this.#set.apply(specs, timeoutMs);
  }

  #running(): readonly Host[] {
    return this.#set.keepers.flatMap(({ unit }) => unit ?? []);
  }

  /** The contexts of docker show how the hosts are. */
  #tell(): void {
    this.#contexts?.update(this.#source.hosts());
  }

  #watchIdle(program: ProgramSettings): void {
    this.#idle?.stop();
    this.#idle = watchIdle(program, this.#record.metrics, () => this.#running());
    void this.#idle.finished.then(this.#finished.resolve);
  }
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
