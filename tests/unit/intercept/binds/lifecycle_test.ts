/** The two barriers: nothing runs before its files are there, nothing ends before they are here. */
import { AgentError } from "../../../../lib/errors.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import type { EngineEvent } from "../../../../lib/docker/events.ts";
import { Halt } from "../../../../lib/sync/session/guards.ts";
import { until } from "../../../support/poll.ts";
import { type BindBench, bindBench, type BindTimes, ID } from "./bind_bench.ts";

async function created(times: BindTimes = {}): Promise<BindBench> {
  const b = bindBench({ "/src": "directory" }, [], times);
  await b.create({ Binds: ["/src:/app"] });
  b.sync.calls.length = 0;
  b.engine.requests.length = 0;
  return b;
}

function event(b: BindBench, action: string): EngineEvent {
  return {
    type: "container",
    action,
    id: ID,
    attributes: { name: "web", ...b.engine.created?.Labels },
  };
}

/** Lets everything run that can. */
async function turn(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve));
}

Deno.test("start is sent on only when the first sync is flushed", async () => {
  const b = await created();
  const flushed = Promise.withResolvers<void>();
  b.sync.onFlush = () => flushed.promise;
  const starting = b.ask(`POST /containers/${ID}/start`);
  await turn();
  assertEquals(b.engine.requests, []);
  flushed.resolve();
  assertEquals((await starting).status, 204);
  assertEquals(b.sync.calls, ["flush s1", "attach web s1"]);
  assertEquals(b.engine.requests, [`POST /containers/${ID}/start`]);
  await b.close();
});

Deno.test("a session that was pruned meanwhile is made again before the start", async () => {
  const b = await created();
  b.sync.forgetAll();
  assertEquals((await b.ask(`POST /containers/${ID}/start`)).status, 204);
  assertEquals(b.sync.calls, ["prepare /src", "flush s1", "attach web s1"]);
  await b.close();
});

Deno.test("a start is refused when the copy would be another one", async () => {
  const b = bindBench({ "/other": "directory", "/src": "directory" });
  await b.create({ Binds: ["/other:/o", "/src:/app"] });
  const label = b.engine.created?.Labels;
  b.sync.forgetAll();
  await b.sync.prepare({ local: "/src", readOnly: false });
  const error = await assertRejects(() => b.ask(`POST /containers/${ID}/start`));
  assert(error.message.includes("create the container again"), error.message);
  assert(label !== undefined && !b.engine.running);
  await b.close();
});

Deno.test("a sync that fails fails the start, ends who is attached, removes --rm", async () => {
  const b = await created();
  let hungUp = 0;
  b.engine.autoRemove = true;
  b.engine.override = () => ({ status: 200, body: {} });
  await b.ask(`POST /containers/${ID}/attach`, { hangUp: () => hungUp++ });
  b.sync.onFlush = () =>
    Promise.reject(new AgentError("engine", "The remote disk is full", { hint: "make room" }));
  const error = await assertRejects(() => b.ask(`POST /containers/${ID}/start`));
  assert(error.message.endsWith(": The remote disk is full; make room"), error.message);
  assertEquals((error as { status?: number }).status, 500);
  assertEquals(hungUp, 1);
  assertEquals(b.engine.requests.slice(1), [
    `own GET /containers/${ID}/json`,
    `own DELETE /containers/${ID}?v=1&force=1`,
  ]);
  assertEquals(b.sync.attached().length, 0);
  await b.close();
});

Deno.test("a list finds what runs, and is not believed of what has stopped meanwhile", async () => {
  const b = await created();
  await b.containers.lookAtAll();
  assertEquals(b.sync.attached(), []);
  b.engine.running = true;
  await b.containers.lookAtAll();
  assertEquals(b.sync.attached().map(({ id }) => id), [ID]);
  b.engine.requests.length = 0;
  await b.containers.lookAtAll();
  assertEquals(b.engine.requests.length, 1, "what is known is not asked for");
  await b.close();
});

Deno.test("a start that the engine refuses lets the sessions go", async () => {
  const b = await created();
  b.engine.override = ({ target }) =>
    target.endsWith("/start") ? { status: 500, body: { message: "no /sync/s1" } } : undefined;
  const { status, body } = await b.ask(`POST /containers/${ID}/start`);
  assertEquals([status, body], [500, { message: "no /src" }]);
  await turn();
  assertEquals(b.sync.calls, ["flush s1", "attach web s1", "flush s1", "detach"]);
  await b.close();
});

Deno.test("the head of wait goes on at once, its body when the writes are here", async () => {
  const b = await created();
  b.engine.override = () => ({ status: 200, body: { StatusCode: 3 } });
  const answer = await b.send("POST /containers/web/wait?condition=removed");
  assertEquals(answer.head.status, 200);
  assertEquals(b.sync.calls, []);
  const flushed = Promise.withResolvers<void>();
  b.sync.onFlush = () => flushed.promise;
  let released = false;
  const reading = answer.body.read().then((piece) => {
    released = true;
    return piece;
  });
  await turn();
  assertEquals([released, b.sync.calls], [false, ["flush s1"]]);
  flushed.resolve();
  const text = new TextDecoder().decode((await reading)?.wire);
  assertEquals(JSON.parse(text), { StatusCode: 3 });
  await b.close();
});

Deno.test("when the link is gone the status of the container is told all the same", async () => {
  const b = await created();
  b.engine.override = () => ({ status: 200, body: { StatusCode: 0 } });
  b.sync.onFlush = () => Promise.reject(new AgentError("lost", "The remote host is gone"));
  assertEquals((await b.ask(`POST /containers/${ID}/wait`)).body, { StatusCode: 0 });
  await b.close();
});

Deno.test("exec begins with what was saved, and ends with its writes here", async () => {
  const b = await created();
  b.engine.override = ({ target }) => {
    if (target.endsWith("/web/exec")) return { status: 201, body: { Id: "e1" } };
    const running = !b.engine.requests.includes("POST /exec/e1/start");
    return { status: 200, body: { Running: running, ExitCode: running ? null : 0 } };
  };
  await b.ask("POST /containers/web/exec");
  await b.ask("GET /exec/e1/json");
  assertEquals(b.sync.calls, []);
  await b.ask("POST /exec/e1/start");
  assertEquals(b.sync.calls, ["flush s1"]);
  await b.ask("GET /exec/e1/json");
  await b.ask("GET /exec/e1/json");
  assertEquals(b.sync.calls, ["flush s1", "flush s1"]);
  await b.close();
});

for (const line of ["POST /containers/web/stop", "DELETE /containers/web?force=1"]) {
  Deno.test(`the writes are here after ${line}`, async () => {
    const b = await created();
    await b.ask(line);
    assertEquals(b.sync.calls, ["flush s1"]);
    assertEquals(b.engine.requests.length, 1);
    await b.close();
  });
}

for (const line of ["POST /containers/web/kill", "DELETE /containers/web?force=1"]) {
  Deno.test(`a sync that hangs does not hold up ${line} for long`, async () => {
    const b = await created({ partingMs: 1 });
    const given = Promise.withResolvers<unknown>();
    b.sync.onFlush = (_sessions, { signal }) =>
      new Promise((_resolve, reject) => {
        signal?.addEventListener("abort", () => {
          given.resolve(signal.reason);
          reject(signal.reason);
        });
      });
    assertEquals((await b.ask(line)).status, 204);
    assert(await given.promise !== undefined, "nobody waits for it any more");
    await b.close();
  });
}

Deno.test("sessions are let go only when what a container has written is here", async () => {
  const b = await created({ againMs: 1 });
  b.containers.handle(event(b, "start"));
  await turn();
  let isAway = true;
  b.sync.onFlush = () =>
    isAway ? Promise.reject(new AgentError("lost", "The host is gone")) : Promise.resolve();
  b.containers.handle(event(b, "die"));
  b.containers.handle(event(b, "destroy"));
  const flushes = () => b.sync.calls.filter((call) => call.startsWith("flush")).length;
  await until("it is tried again", () => flushes() > 4);
  assertEquals(b.sync.attached().map(({ id }) => id), [ID]);
  isAway = false;
  await until("they are let go", () => b.sync.attached().length === 0);
  await b.close();
});

Deno.test("what a guard has stopped is let go: another attempt would do nothing", async () => {
  const b = await created({ againMs: 1 });
  b.containers.handle(event(b, "start"));
  await turn();
  b.sync.onFlush = () => Promise.reject(new Halt("The folder has vanished", "put it back"));
  b.containers.handle(event(b, "die"));
  await until("they are let go", () => b.sync.attached().length === 0);
  await b.close();
});

Deno.test("a program that ends leaves what is not here to the next one", async () => {
  const b = await created();
  b.containers.handle(event(b, "start"));
  await turn();
  b.sync.onFlush = (_sessions, { signal }) =>
    new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => reject(signal.reason));
    });
  b.containers.handle(event(b, "die"));
  await turn();
  await b.close();
  assertEquals(b.sync.attached().map(({ id }) => id), [ID]);
});

Deno.test("events attach and detach: restarts by policy, ends, removal", async () => {
  const b = await created();
  b.containers.handle(event(b, "start"));
  await turn();
  assertEquals(b.sync.attached()[0]?.sessions, ["s1"]);
  b.containers.handle(event(b, "die"));
  b.containers.handle(event(b, "start"));
  await turn();
  assertEquals(b.sync.calls, ["attach web s1", "flush s1", "detach", "attach web s1"]);
  b.containers.handle(event(b, "die"));
  b.containers.handle(event(b, "destroy"));
  await turn();
  assertEquals(b.sync.attached().length, 0);
  assertEquals(b.containers.recall("web"), undefined);
  await b.close();
});

Deno.test("an old end does not take the sessions of a container that is being started", async () => {
  const b = await created();
  const started = Promise.withResolvers<undefined>();
  b.engine.override = ({ target }) => target.endsWith("/start") ? started.promise : undefined;
  const starting = b.ask(`POST /containers/${ID}/start`);
  await turn();
  b.containers.handle(event(b, "die"));
  await turn();
  assertEquals(b.sync.attached()[0]?.sessions, ["s1"]);
  started.resolve(undefined);
  await starting;
  await b.close();
});

Deno.test("the containers of somebody else are left alone", async () => {
  const b = await created();
  const labels = b.engine.created?.Labels ?? {};
  const theirs = Object.fromEntries(
    Object.entries(labels).map(([key, text]) => [key, text.replace("0123", "9999")]),
  );
  const attributes = { name: "web", ...theirs };
  b.containers.handle({ type: "container", action: "start", id: "d".repeat(64), attributes });
  await turn();
  assertEquals(b.sync.calls, []);
  await b.close();
});
