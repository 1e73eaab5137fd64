import { parsePlainForward } from "../../../lib/forward/plain.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import {
  answerAfterEnd,
  binding,
  LOOPBACK,
  readAll,
  server,
  testManager,
  writeText,
} from "./support.ts";
import { freePort, freePorts } from "../../support/free_ports.ts";
import { until } from "../../support/poll.ts";
import { BindError } from "../../../lib/forward/bind_error.ts";

const web = { id: "w".repeat(64), name: "web" };
const other = { id: "o".repeat(64), name: "other" };

async function bindErrorOf(promise: Promise<unknown>): Promise<BindError> {
  const error = await assertRejects(() => promise, BindError);
  assert(error instanceof BindError);
  return error;
}

async function connects(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: LOOPBACK, port })).close();
    return true;
  } catch (error) {
    assert(error instanceof Deno.errors.ConnectionRefused, String(error));
    return false;
  }
}

Deno.test("a client that connects before the container runs is served once it does", async () => {
  await using backend = server(answerAfterEnd);
  await using manager = testManager();
  const [published] = await manager.reserve(web, [binding()]);
  assert(published !== undefined);
  using client = await Deno.connect({ hostname: LOOPBACK, port: published.local.port });
  await writeText(client, "early");
  await client.closeWrite();
  manager.activate(web.id, new Map([["80/tcp", backend]]));
  assertEquals(await readAll(client), "got early");
});

Deno.test("the given port is taken at once and free after release", async () => {
  await using manager = testManager();
  const port = freePort();
  await manager.reserve(web, [binding({ hostPort: `${port}` })]);
  assert(await connects(port));
  await manager.release(web.id);
  assertEquals(await connects(port), false);
  assertEquals(manager.published(web.id), undefined);
});

Deno.test("two containers that want one port: the second gets the engine's text", async () => {
  await using manager = testManager();
  const port = freePort();
  await manager.reserve(web, [binding({ hostPort: `${port}` })]);
  const error = await bindErrorOf(manager.reserve(other, [binding({ hostPort: `${port}` })]));
  assertEquals(error.reason, "allocated");
  assertEquals(
    error.engineText(),
    `Bind for 127.0.0.1:${port} failed: port is already allocated`,
  );
});

const UNNAMED = { hostIp: "" };
const six = "::1";
/** Whether this machine has IPv6 at all. */
const hasSix = Deno.networkInterfaces().some(({ address }) => address === six);

Deno.test({
  name: "without an address, one forward listens for IPv4 and for IPv6",
  ignore: !hasSix,
  async fn() {
    await using backend = server(answerAfterEnd);
    await using manager = testManager();
    const [four, twin, ...more] = await manager.reserve(web, [binding(UNNAMED)]);
    assert(four !== undefined);
    const { port } = four.local;
    assertEquals([four.local.host, twin?.local, more], [LOOPBACK, { host: six, port }, []]);
    manager.activate(web.id, new Map([["80/tcp", backend]]));
    for (const hostname of [LOOPBACK, six]) {
      using client = await Deno.connect({ hostname, port });
      await writeText(client, "hi");
      await client.closeWrite();
      assertEquals(await readAll(client), "got hi");
    }
    const [info, ...rest] = manager.snapshot();
    assertEquals([info?.local, info?.twin, rest], [four.local, { host: six, port }, []]);
    await until("all is counted", () => {
      const [now] = manager.snapshot();
      assertEquals([now?.connections.total, now?.bytes.sent], [2, 4]);
      return true;
    });
    await manager.release(web.id);
    using _four = Deno.listen({ hostname: LOOPBACK, port });
    using _six = Deno.listen({ hostname: six, port });
  },
});

Deno.test({
  name: "both addresses or none: the engine's text for the one that is taken",
  ignore: !hasSix,
  async fn() {
    await using manager = testManager();
    using holder = Deno.listen({ hostname: six, port: freePort() });
    const { port } = holder.addr;
    const taken = binding({ ...UNNAMED, hostPort: `${port}` });
    const error = await bindErrorOf(manager.reserve(web, [taken]));
    assertEquals(
      error.engineText(),
      `Error starting userland proxy: listen tcp6 [::1]:${port}: bind: address already in use`,
    );
    assertEquals(await connects(port), false);
    const range = binding({ ...UNNAMED, hostPort: `${port}-${port + 20}` });
    const ports = (await manager.reserve(web, [range])).map(({ local }) => local.port);
    assertEquals([ports.length, ports[1]], [2, ports[0]]);
    assert((ports[0] ?? 0) > port);
    const named = await manager.reserve(other, [binding({ hostPort: `${port}` })]);
    assertEquals(named.map(({ local }) => local.host), [LOOPBACK]);
  },
});

Deno.test("a port of another process: the text of the userland proxy", async () => {
  await using manager = testManager();
  using holder = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = holder.addr;
  const error = await bindErrorOf(manager.reserve(web, [binding({ hostPort: `${port}` })]));
  assertEquals(error.reason, "in-use");
  assertEquals(
    error.engineText(),
    `Error starting userland proxy: listen tcp4 127.0.0.1:${port}: bind: address already in use`,
  );
});

Deno.test("a guarded port is refused as if in use, and not picked from a range", async () => {
  const port = freePort();
  await using manager = testManager({ guarded: (local) => local.port === port });
  const error = await bindErrorOf(manager.reserve(web, [binding({ hostPort: `${port}` })]));
  assertEquals(error.reason, "in-use");
  const range = binding({ hostPort: `${port}-${port}` });
  assertEquals((await bindErrorOf(manager.reserve(web, [range]))).reason, "in-use");
});

Deno.test("all or nothing: what was taken before the failure is free again", async () => {
  await using manager = testManager();
  using holder = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const free = freePort();
  const bindings = [
    binding({ hostPort: `${free}` }),
    binding({ containerPort: 81, hostPort: `${holder.addr.port}` }),
  ];
  await bindErrorOf(manager.reserve(web, bindings));
  assertEquals(await connects(free), false);
  assertEquals(manager.published(web.id), undefined);
  await manager.reserve(other, [binding({ hostPort: `${free}` })]);
});

Deno.test("what is held stays when another port cannot be had, and with it its connections", async () => {
  await using backend = server(answerAfterEnd);
  await using manager = testManager();
  const [first] = await manager.reserve(web, [binding()]);
  assert(first !== undefined);
  const { port } = first.local;
  manager.activate(web.id, new Map([["80/tcp", backend]]));
  using client = await Deno.connect({ hostname: LOOPBACK, port });
  await writeText(client, "hello");
  const holder = Deno.listen({ hostname: LOOPBACK, port: freePort() });
  const more = binding({ containerPort: 81, hostPort: `${holder.addr.port}` });
  assertEquals((await bindErrorOf(manager.reserve(web, [binding(), more]))).reason, "in-use");
  assertEquals(manager.published(web.id), [first]);
  holder.close();
  const both = await manager.reserve(web, [more, binding()]);
  assertEquals(both.map(({ local }) => local.port), [holder.addr.port, port]);
  await client.closeWrite();
  assertEquals(await readAll(client), "got hello");
  // What is not asked for any more is given back.
  await manager.reserve(web, [more]);
  assertEquals(await connects(port), false);
});

Deno.test("a range yields its first free port, and says when there is none", async () => {
  await using manager = testManager();
  const [port = 0, next] = freePorts(2);
  using _holder = Deno.listen({ hostname: LOOPBACK, port });
  const range = binding({ hostPort: `${port}-${next}` });
  const [first] = await manager.reserve(web, [range]);
  assertEquals(first?.local.port, next);
  const error = await bindErrorOf(manager.reserve(other, [range]));
  assertEquals(error.engineText(), "all ports are allocated");
});

Deno.test("a container started again has its free-to-choose ports back", async () => {
  await using manager = testManager();
  const bindings = [binding(), binding(), binding({ containerPort: 81 })];
  const before = await manager.reserve(web, bindings);
  await manager.release(web.id);
  assertEquals(await manager.reserve(web, bindings), before);
  await manager.release(web.id);
  const taken = before[0]?.local;
  assert(taken !== undefined);
  using _holder = Deno.listen({ hostname: taken.host, port: taken.port });
  const after = await manager.reserve(web, bindings);
  assert(after[0]?.local.port !== taken.port);
  assertEquals(after[1], before[1]);
});

Deno.test("reserving twice keeps the ports and their connections", async () => {
  await using backend = server(answerAfterEnd);
  await using manager = testManager();
  const first = await manager.reserve(web, [binding()]);
  manager.activate(web.id, new Map([["80/tcp", backend]]));
  const port = first[0]?.local.port ?? 0;
  using client = await Deno.connect({ hostname: LOOPBACK, port });
  await writeText(client, "hello");
  assertEquals(await manager.reserve(web, [binding()]), first);
  await client.closeWrite();
  assertEquals(await readAll(client), "got hello");
});

Deno.test("the remote end may change; open connections stay where they are", async () => {
  await using one = server(answerAfterEnd);
  await using two = server(async (conn) => {
    await writeText(conn, "two");
    await conn.closeWrite();
    await readAll(conn);
  });
  await using manager = testManager();
  const [published] = await manager.reserve(web, [binding()]);
  const port = published?.local.port ?? 0;
  manager.activate(web.id, new Map([["80/tcp", one]]));
  using old = await Deno.connect({ hostname: LOOPBACK, port });
  await writeText(old, "old");
  // The connection is known to be through once the other server has been told of it.
  while (manager.snapshot()[0]?.bytes.sent !== 3) await new Promise((next) => setTimeout(next, 1));
  manager.activate(web.id, new Map([["80/tcp", two]]));
  using fresh = await Deno.connect({ hostname: LOOPBACK, port });
  assertEquals(await readAll(fresh), "two");
  await old.closeWrite();
  assertEquals(await readAll(old), "got old");
});

Deno.test("two ports on one container lead to their own remote ends", async () => {
  const says = (text: string) =>
    server(async (conn) => {
      await writeText(conn, text);
      await conn.closeWrite();
      await readAll(conn);
    });
  await using eighty = says("eighty");
  await using eightyOne = says("eighty-one");
  await using manager = testManager();
  const bindings = [binding(), binding({ containerPort: 81 })];
  const published = await manager.reserve(web, bindings);
  manager.activate(web.id, new Map([["81/tcp", eightyOne], ["80/tcp", eighty]]));
  const answers: string[] = [];
  for (const { local } of published) {
    using client = await Deno.connect({ hostname: LOOPBACK, port: local.port });
    answers.push(await readAll(client));
  }
  assertEquals(answers, ["eighty", "eighty-one"]);
});

Deno.test("the snapshot tells names, ends, state, connections and bytes", async () => {
  await using backend = server(answerAfterEnd);
  await using manager = testManager();
  const [published] = await manager.reserve(web, [binding()]);
  assertEquals(manager.snapshot()[0]?.state, "reserved");
  manager.activate(web.id, new Map([["80/tcp", backend]]));
  manager.rename(web.id, "shop");
  {
    using client = await Deno.connect({ hostname: LOOPBACK, port: published?.local.port ?? 0 });
    await writeText(client, "12345");
    await client.closeWrite();
    await readAll(client);
  }
  const [info] = manager.snapshot();
  assertEquals(info?.container.name, "shop");
  assertEquals(info?.state, "live");
  assertEquals(info?.remote?.port, backend.port);
  assertEquals(info?.connections.total, 1);
  await until("all is counted", () => {
    assertEquals(manager.snapshot()[0]?.bytes, { sent: 5, received: 9 });
    return true;
  });
});

Deno.test("a rule moves a port or leaves it alone", async () => {
  const port = freePort();
  await using manager = testManager({
    rules: [
      { match: { port: { first: 22, last: 22 } }, action: { ignore: true } },
      { match: { container: "w*" }, action: { localPort: port } },
    ],
  });
  const bindings = [binding({ containerPort: 22 }), binding({ hostPort: "80" })];
  const published = await manager.reserve(web, bindings);
  assertEquals(published.map(({ local }) => local), [{ host: LOOPBACK, port }]);
});

Deno.test("many containers at once", async () => {
  await using manager = testManager();
  const port = freePort();
  const results = await Promise.allSettled(
    Array.from(
      { length: 50 },
      (_, n) => manager.reserve({ id: `${n}`, name: `c${n}` }, [binding({ hostPort: `${port}` })]),
    ),
  );
  assertEquals(results.filter(({ status }) => status === "fulfilled").length, 1);
});

Deno.test("a plain forward leads where it says, and is listed as written", async () => {
  await using backend = server(answerAfterEnd);
  await using manager = testManager();
  const text = `0:${LOOPBACK}:${backend.port}`;
  const { local } = await manager.addPlain(parsePlainForward(text));
  using client = await Deno.connect({ hostname: LOOPBACK, port: local.port });
  await writeText(client, "db");
  await client.closeWrite();
  assertEquals(await readAll(client), "got db");
  const [info] = manager.snapshot();
  assertEquals([info?.kind, info?.container.name, info?.state], ["plain", text, "live"]);
});

Deno.test("a port of the host's network: the same here, another when that is taken", async () => {
  await using manager = testManager();
  const port = freePort();
  const first = await manager.addHostPort("host 1", web, { host: LOOPBACK, port });
  const second = await manager.addHostPort("host 2", other, { host: LOOPBACK, port });
  assertEquals(first?.local.port, port);
  assert(second !== undefined && second.local.port !== port);
  assertEquals(manager.snapshot().map(({ kind }) => kind), ["host", "host"]);
});
