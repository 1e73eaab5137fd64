/** Reconnecting: who waits, how long, and what ends it. */
import { AgentError } from "../../../lib/errors.ts";
import { configureLogging } from "../../../lib/log.ts";
import { Supervisor } from "../../../lib/transport/supervisor.ts";
import type { Connect, Transport } from "../../../lib/transport/transport.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const FAST = { firstMs: 4, maxMs: 8, stableMs: 60_000, leastMs: 1 };

/** A transport whose death the test decides. */
function fakeTransport(): Transport & { die(reason?: Error): void } {
  const { promise, resolve } = Promise.withResolvers<Error | undefined>();
  return {
    description: "ssh://test",
    closed: promise,
    open: () => Promise.reject(new Error("not used here")),
    close: () => resolve(undefined),
    die: (reason) => resolve(reason),
  };
}

/** Hands out transports, or throws what the list says. */
function connector(outcomes: (Error | "up")[]) {
  const made: ReturnType<typeof fakeTransport>[] = [];
  let attempts = 0;
  const connect: Connect = () => {
    const outcome = outcomes[attempts++] ?? "up";
    if (outcome !== "up") return Promise.reject(outcome);
    const transport = fakeTransport();
    made.push(transport);
    return Promise.resolve(transport);
  };
  return { connect, made, attempts: () => attempts };
}

const down = new AgentError("unreachable", 'Cannot reach "test"');

Deno.test("the first attempt throws its own error and leaves nothing running", async () => {
  const { connect } = connector([down]);
  const supervisor = new Supervisor({ connect, backoff: FAST });
  await assertRejects(() => supervisor.start(), AgentError, "Cannot reach");
  await supervisor.close();
});

Deno.test("a lost connection is made again, and requests wait for it", async () => {
  const { connect, made, attempts } = connector(["up", down, down, "up"]);
  const supervisor = new Supervisor({ connect, backoff: FAST });
  const first = await supervisor.start();
  made[0]!.die(new Error("cut"));
  await first.closed;
  await Promise.resolve();
  const second = await supervisor.ready({ waitMs: 60_000 });
  assert(second !== first);
  assertEquals(attempts(), 4);
  await supervisor.close();
});

Deno.test("a request gives up in time and names the last cause", async () => {
  const { connect, made } = connector(["up", ...Array(1000).fill(down)]);
  const supervisor = new Supervisor({ connect, backoff: FAST });
  await supervisor.start();
  made[0]!.die();
  while (supervisor.state.kind !== "pausing") await new Promise((r) => setTimeout(r, 1));
  const error = await assertRejects(() => supervisor.ready({ waitMs: 20 }), AgentError);
  assert(error.message.includes("not connected"), error.message);
  await supervisor.close();
});

Deno.test("a request names the loss while nothing else is known", async () => {
  const { connect, made } = connector(["up"]);
  const never: Connect = (signal) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  let first = true;
  const supervisor = new Supervisor({
    connect(signal) {
      const use = first ? connect : never;
      first = false;
      return use(signal);
    },
    backoff: FAST,
  });
  await supervisor.start();
  made[0]!.die(new Error("no answer for 15 s"));
  while (supervisor.state.kind === "up") await new Promise((r) => setTimeout(r, 1));
  const error = await assertRejects(() => supervisor.ready({ waitMs: 1 }), AgentError);
  assertEquals(error.message, "The remote host is not connected (no answer for 15 s)");
  await supervisor.close();
});

Deno.test("a stream whose transport dies under it, too late for another, names the loss", async () => {
  const transport = fakeTransport();
  transport.open = async () => {
    transport.die(new AgentError("lost", "It does not answer any more"));
    while (supervisor.live !== undefined) await Promise.resolve();
    throw new AgentError("lost", "Gave up connecting");
  };
  const later = Promise.withResolvers<Transport>();
  let attempts = 0;
  const connect: Connect = () => attempts++ === 0 ? Promise.resolve(transport) : later.promise;
  const supervisor = new Supervisor({ connect, backoff: FAST });
  await supervisor.start();
  const opening = supervisor.open({ kind: "docker" }, { lane: "interactive", waitMs: 0 });
  await assertRejects(() => opening, AgentError, "It does not answer any more");
  later.resolve(fakeTransport());
  await supervisor.close();
});

Deno.test("a request ends a long pause", async () => {
  const { connect, made } = connector(["up", down, "up"]);
  const backoff = { firstMs: 600_000, maxMs: 600_000, stableMs: 60_000, leastMs: 1 };
  const supervisor = new Supervisor({ connect, backoff, random: () => 0.999 });
  await supervisor.start();
  made[0]!.die();
  while (supervisor.state.kind !== "pausing") await new Promise((r) => setTimeout(r, 1));
  while (supervisor.state.kind === "pausing") {
    await supervisor.ready({ waitMs: 20 }).catch(() => {});
  }
  assertEquals((await supervisor.ready({ waitMs: 60_000 })).description, "ssh://test");
  await supervisor.close();
});

Deno.test("an aborted request stops waiting at once", async () => {
  const { connect, made } = connector(["up", ...Array(1000).fill(down)]);
  const supervisor = new Supervisor({ connect, backoff: FAST });
  await supervisor.start();
  made[0]!.die();
  while (supervisor.state.kind === "up") await new Promise((r) => setTimeout(r, 1));
  const abort = new AbortController();
  const waiting = supervisor.ready({ waitMs: 600_000, signal: abort.signal });
  abort.abort();
  await assertRejects(() => waiting, AgentError);
  await supervisor.close();
});

Deno.test("a changed host key stops everything", async () => {
  const changed = new AgentError("host-key", "The host key has changed");
  const { connect, made, attempts } = connector(["up", changed]);
  const supervisor = new Supervisor({ connect, backoff: FAST });
  await supervisor.start();
  made[0]!.die();
  assertEquals(await supervisor.failed, changed);
  assertEquals(attempts(), 2);
  await supervisor.close();
});

Deno.test("closing closes the transport and refuses whoever still waits", async () => {
  const { connect, made } = connector(["up"]);
  const supervisor = new Supervisor({ connect, backoff: FAST });
  await supervisor.start();
  await supervisor.close();
  assertEquals(await made[0]!.closed, undefined);
  await assertRejects(() => supervisor.ready({ waitMs: 1_000 }), AgentError);
});
