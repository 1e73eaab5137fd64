/** Local ports follow what the engine says, in whatever order it is heard. */
import type { EngineAnswer } from "../../../../lib/docker/engine_client.ts";
import type { Json } from "../../../../lib/docker/json_body.ts";
import { BindError } from "../../../../lib/forward/bind_error.ts";
import type { RequestedBinding } from "../../../../lib/forward/binding.ts";
import type { Published } from "../../../../lib/forward/forward_info.ts";
import { ContainerPorts } from "../../../../lib/intercept/ports/container_ports.ts";
import { encodeLabel, PORTS_LABEL } from "../../../../lib/intercept/ports/label.ts";
import { LocalEnds, type StartingContainer } from "../../../../lib/intercept/ports/local_ends.ts";
import { configureLogging } from "../../../../lib/log.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";
import { until } from "../../../support/poll.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const ID = "a".repeat(64);
const BINDING: RequestedBinding = {
  containerPort: 80,
  protocol: "tcp",
  hostIp: "",
  hostPort: "8080",
};
const LABELS = {
  [PORTS_LABEL]: encodeLabel({
    owner: "me",
    mode: "virtual",
    asked: { "80/tcp": [{ HostIp: "", HostPort: "8080" }] },
    publishAll: false,
    exposed: [],
  }),
};
const WEB: StartingContainer = {
  id: ID,
  name: "web",
  image: "bb",
  labels: {},
  bindings: [BINDING],
  onHost: false,
};

/** An engine with one container, and a manager that writes down what it is told. */
function scene(options: { labels?: Record<string, string>; foreign?: boolean } = {}) {
  const { labels = LABELS, foreign = false } = options;
  const told: string[] = [];
  const state = { running: true, port: 32768, gone: false, inspected: 0, taken: false, refused: 0 };
  const gate = {
    wait: Promise.resolve(),
    waitToList: Promise.resolve(),
    waitToForget: Promise.resolve(),
  };
  let held: Published[] | undefined;
  let holder = "";
  const port = () => ({ HostIp: "127.0.0.1", HostPort: String(state.port) });
  const inspect = (): Json => ({
    Id: ID,
    Name: "/web",
    Config: { Labels: labels },
    State: { Running: state.running },
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] } },
    NetworkSettings: { Ports: state.running ? { "80/tcp": [port()] } : {} },
  });
  const list = (): Json => [{
    Id: ID,
    Names: ["/web"],
    Labels: labels,
    State: state.running ? "running" : "exited",
    Ports: [{ IP: "127.0.0.1", PrivatePort: 80, PublicPort: state.port, Type: "tcp" }],
  }];
  const engine = {
    async get(path: string): Promise<EngineAnswer> {
      if (path.startsWith("/containers/json")) {
        const body = state.gone ? [] : list();
        await gate.waitToList;
        return { status: 200, body };
      }
      state.inspected++;
      await gate.wait;
      return state.gone ? { status: 404, body: null } : { status: 200, body: inspect() };
    },
    delete: () => Promise.resolve({ status: 204, body: null }),
  };
  const forwarding = {
    reserve({ id }: { readonly id: string }, bindings: readonly RequestedBinding[]) {
      if (state.taken || (held !== undefined && holder !== id)) {
        state.refused++;
        const subject = { protocol: "tcp", host: "127.0.0.1", port: 8080 } as const;
        return Promise.reject(new BindError("allocated", subject));
      }
      if (held === undefined) told.push(`reserve ${bindings.map((b) => b.hostPort).join()}`);
      holder = id;
      held = bindings.map((requested) => ({ requested, local: { host: "127.0.0.1", port: 8080 } }));
      return Promise.resolve(held);
    },
    activate(_id: string, remote: ReadonlyMap<string, { port: number }>) {
      told.push(`activate ${remote.get("80/tcp")?.port}`);
    },
    release() {
      if (held !== undefined) told.push("release");
      held = undefined;
      return Promise.resolve();
    },
    async forget() {
      told.push("forget");
      await gate.waitToForget;
      held = undefined;
    },
    rename: (_id: string, name: string) => void told.push(`rename ${name}`),
    // As soon as they are to be given back, they are nobody's to see.
    published: (id: string) => id === holder && !told.includes("forget") ? held : undefined,
  };
  const hostPorts = {
    prepare: () => Promise.resolve(),
    add: () => {},
    remove: () => Promise.resolve(),
    forget: () => Promise.resolve(),
  };
  const ends = new LocalEnds({ forwarding, hostPorts, owner: "me", foreign });
  const ports = new ContainerPorts({ engine, ends, retryMs: 1 });
  const event = (action: string, attributes: Record<string, string> = labels) =>
    ports.handle({ type: "container", action, id: ID, attributes });
  return { told, state, gate, ports, event };
}

Deno.test("a start takes the ports first and lets them go live after it", async () => {
  const { ports, told, state } = scene();
  ports.remember(WEB);
  assertEquals(await ports.find(ID, new AbortController().signal), WEB);
  assertEquals(state.inspected, 0, "what was created here is not asked for");
  await ports.reserve(WEB);
  await ports.settle(ID);
  assertEquals(told, ["reserve 8080", "activate 32768"]);
  assertEquals(state.inspected, 1);
  ports.close();
});

Deno.test("events that come during a start do not undo it", async () => {
  const { ports, told, state, event } = scene();
  state.running = false;
  await ports.reserve(WEB);
  event("die");
  event("start");
  await ports.lookAtAll();
  assertEquals(told, ["reserve 8080"]);
  state.running = true;
  await ports.settle(ID);
  assertEquals(told.slice(1), ["activate 32768"]);
  ports.close();
});

Deno.test("a start that came to nothing gives the ports back", async () => {
  const { ports, told, state } = scene();
  state.running = false;
  await ports.reserve(WEB);
  await ports.settle(ID);
  assertEquals(told, ["reserve 8080", "release"]);
  await ports.reserve(WEB);
  state.gone = true;
  await ports.settle(ID);
  assertEquals(told.slice(2), ["reserve 8080", "forget"]);
  ports.close();
});

Deno.test("an event only makes us look: late news of an end is no end", async () => {
  const { ports, told, state, event } = scene();
  event("start");
  await until("it is live", () => told.includes("activate 32768"));
  state.port = 40000;
  event("die");
  await until("it leads to the new port", () => told.includes("activate 40000"));
  state.running = false;
  event("die");
  await until("it is given back", () => told.includes("release"));
  event("rename", { name: "other" });
  state.gone = true;
  event("destroy");
  await until("it is forgotten", () => told.includes("forget"));
  assertEquals(told, [
    "reserve 8080",
    "activate 32768",
    "activate 40000",
    "release",
    "rename other",
    "forget",
  ]);
  ports.close();
});

Deno.test("many events at once lead to one look", async () => {
  const { ports, told, state, gate, event } = scene();
  const { promise, resolve } = Promise.withResolvers<void>();
  gate.wait = promise;
  event("start");
  await until("the first look has begun", () => state.inspected === 1);
  for (let i = 0; i < 10; i++) event("start");
  resolve();
  await until("both looks are done", () => told.filter((each) => /^act/.test(each)).length === 2);
  assertEquals(state.inspected, 2);
  ports.close();
});

Deno.test("a relist finds what runs, and that the others are gone", async () => {
  const { ports, told, state } = scene();
  await ports.lookAtAll();
  assertEquals(told, ["reserve 8080", "activate 32768"]);
  state.gone = true;
  await ports.lookAtAll();
  assertEquals(told.slice(2), ["forget"]);
  ports.close();
});

for (const gone of [false, true]) {
  const what = gone ? "is removed" : "has stopped";
  Deno.test(`a container that ${what} while a list is under way stays so`, async () => {
    const { ports, told, state, gate, event } = scene();
    await ports.lookAtAll();
    const { promise, resolve } = Promise.withResolvers<void>();
    gate.waitToList = promise;
    const listing = ports.lookAtAll();
    Object.assign(state, { running: false, gone });
    event("die");
    const end = gone ? "forget" : "release";
    await until("its end is heard of", () => told.includes(end));
    resolve();
    await listing;
    assertEquals(told.slice(0, 3), ["reserve 8080", "activate 32768", end]);
    assertEquals(told.filter((each) => each.startsWith("reserve")).length, 1);
    ports.close();
  });
}

Deno.test("containers of others are left alone unless asked for", async () => {
  for (
    const [labels, foreign, expected] of [
      [{}, false, []],
      [{ [PORTS_LABEL]: (LABELS[PORTS_LABEL] ?? "").replace('"me"', '"you"') }, false, []],
      [{}, true, ["reserve 32768", "activate 32768"]],
      [
        { [PORTS_LABEL]: (LABELS[PORTS_LABEL] ?? "").replace('"me"', '"you"') },
        true,
        ["reserve 8080", "activate 32768"],
      ],
    ] as const
  ) {
    const { ports, told } = scene({ labels, foreign });
    await ports.lookAtAll();
    assertEquals<readonly string[]>(told, expected);
    ports.close();
  }
});

Deno.test("a port that somebody else holds is taken when it is free", async () => {
  const { ports, told, state } = scene();
  state.taken = true;
  await assertRejects(() => ports.reserve(WEB), BindError);
  await ports.lookAtAll();
  assertEquals(told, []);
  state.taken = false;
  await until("it has it", () => told.includes("activate 32768"));
  ports.close();
});

Deno.test("a port that a removed container is about to give back is waited for", async () => {
  const { ports, told, state, gate, event } = scene();
  event("start");
  await until("it is live", () => told.includes("activate 32768"));
  const given = Promise.withResolvers<void>();
  gate.waitToForget = given.promise;
  state.gone = true;
  event("destroy");
  await until("it is about to be forgotten", () => told.includes("forget"));
  const next = { ...WEB, id: "b".repeat(64), name: "next" };
  const reserved = ports.reserve(next);
  void until("it was refused once", () => state.refused > 0).then(() => given.resolve());
  await reserved;
  assertEquals(told.slice(2), ["forget", "reserve 8080"]);
  ports.close();
});
