/** What tests of bind mounts share: the interceptors around a small engine and fake sync sessions. */
import type { EngineAnswer } from "../../../../lib/docker/engine_client.ts";
import type { Json } from "../../../../lib/docker/json_body.ts";
import { BindBarrier } from "../../../../lib/intercept/binds/barrier.ts";
import { bindLifecycle } from "../../../../lib/intercept/binds/lifecycle.ts";
import { DEFAULT_BIND_RULES } from "../../../../lib/intercept/binds/rules.ts";
import type { LocalKind } from "../../../../lib/intercept/binds/sources.ts";
import { unrewriteBinds } from "../../../../lib/intercept/binds/unrewrite.ts";
import { bindMounts } from "../../../../lib/intercept/binds/create.ts";
import { ContainerBinds } from "../../../../lib/intercept/binds/container_binds.ts";
import { FakeSync } from "../../../support/bind_sync.ts";
import {
  ask,
  type AskOptions,
  type EngineRequest,
  type Reply,
  send,
} from "../../../support/onion.ts";

export const OWNER = "0123456789abcdef0123456789abcdef";
export const ID = "c".repeat(64);

/** Waits that a test has shortened; see `BindBarrierOptions` and `ContainerBindsOptions`. */
export interface BindTimes {
  readonly partingMs?: number;
  readonly againMs?: number;
}

/** See {@link bindBench}. */
export type BindBench = ReturnType<typeof bindBench>;

/** Interceptors, an engine that keeps one container, and what each was asked. */
export function bindBench(
  local: Record<string, LocalKind> = {},
  remote: readonly string[] = [],
  { partingMs, againMs }: BindTimes = {},
) {
  const sync = new FakeSync();
  const engine = new OneContainer();
  const made: string[] = [];
  const barrier = new BindBarrier({
    sync,
    report: () => ({ update() {}, end() {} }),
    ...(partingMs !== undefined && { partingMs }),
  });
  const containers = new ContainerBinds({
    engine,
    sync,
    owner: OWNER,
    bringHome: (container) => barrier.settle(container),
    ...(againMs !== undefined && { againMs }),
  });
  const layers = [
    unrewriteBinds({ containers, sync, platform: "linux" }),
    bindMounts({
      sync,
      containers,
      rules: DEFAULT_BIND_RULES,
      platform: "linux",
      engineSocket: "/opt/docker.sock",
      files: {
        kindOf: (path) => Promise.resolve(local[path] ?? "missing"),
        makeDirectory(path) {
          made.push(path);
          return Promise.resolve();
        },
        existsRemotely: (path) => Promise.resolve(remote.includes(path)),
      },
    }),
    bindLifecycle({ containers, barrier }),
  ];
  const answer = (request: EngineRequest) => engine.answer(request);
  return {
    sync,
    engine,
    containers,
    /** Directories made on this machine. */
    made,
    ask: (line: string, options?: AskOptions) => ask(layers, answer, line, options),
    send: (line: string, options?: AskOptions) => send(layers, answer, line, options),
    create: (host: Json, name = "web") =>
      ask(layers, answer, `POST /v1.41/containers/create?name=${name}`, {
        body: { Image: "bb", HostConfig: host },
      }),
    async close() {
      barrier.close();
      await containers.close();
    },
  };
}

/** An engine that knows the last container it created, and answers the rest as it is told. */
class OneContainer {
  /** Method and target of what came, in order. */
  readonly requests: string[] = [];
  created: { Image?: string; Labels?: Record<string, string>; HostConfig?: Json } | undefined;
  running = false;
  autoRemove = false;
  /** What lists say, which may be old news. */
  listed = "running";
  /** Answers instead of the engine, where it returns something. */
  override: (request: EngineRequest) => Reply | undefined | Promise<Reply | undefined> = () =>
    undefined;

  async answer(request: EngineRequest): Promise<Reply> {
    const { method, target, body } = request;
    this.requests.push(`${method} ${target}`);
    const other = await this.override(request);
    if (other !== undefined) return other;
    if (target.includes("/containers/create")) {
      this.created = body as NonNullable<OneContainer["created"]>;
      return { status: 201, body: { Id: ID, Warnings: [] } };
    }
    if (target.endsWith("/json")) return this.#inspect();
    if (target.endsWith("/start")) this.running = true;
    return { status: 204 };
  }

  get(path: string): Promise<EngineAnswer> {
    this.requests.push(`own GET ${path}`);
    if (path.startsWith("/containers/json")) return Promise.resolve(this.#list());
    const { status, body } = this.#inspect();
    return Promise.resolve({ status, body: body as Json });
  }

  delete(path: string): Promise<EngineAnswer> {
    this.requests.push(`own DELETE ${path}`);
    return Promise.resolve({ status: 204, body: null });
  }

  #list(): EngineAnswer {
    const item = {
      Id: ID,
      Names: ["/web"],
      Labels: this.created?.Labels ?? {},
      State: this.listed,
    };
    return { status: 200, body: [item] };
  }

  #inspect(): Reply {
    const { created } = this;
    if (created === undefined) return { status: 404, body: { message: "No such container" } };
    return {
      status: 200,
      body: {
        Id: ID,
        Name: "/web",
        State: { Running: this.running },
        Config: { Labels: created.Labels ?? {} },
        HostConfig: { ...created.HostConfig as object, AutoRemove: this.autoRemove },
      },
    };
  }
}
