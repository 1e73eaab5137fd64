import type { AgentEvent } from "../../../lib/agent_event.ts";
import {
  type Follow,
  parseSince,
  renderEvent,
  runEvents,
} from "../../../lib/cli/commands/events.ts";
import { AgentError } from "../../../lib/errors.ts";
import type { ListenAddress } from "../../../lib/net/address.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { EventLog, MAX_EVENTS, type StampedEvent } from "../../../lib/ops/event_log.ts";
import { followEvents } from "../../../lib/ops/follow.ts";
import { startOpsServer } from "../../../lib/ops/server.ts";
import { tellOfTransport } from "../../../lib/ops/transport_events.ts";
import { Supervisor } from "../../../lib/transport/supervisor.ts";
import type { Transport } from "../../../lib/transport/transport.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../support/assert.ts";
import { testSystem } from "../../support/command_line.ts";
import { until } from "../../support/poll.ts";
import { testSource } from "./source.ts";

const never = () => new AbortController().signal;

function opened(local: string): AgentEvent {
  return { kind: "forward.opened", local, target: "web:80/tcp" };
}

/** What a reader gets that does not wait for more. */
async function kept(log: EventLog, since = 0): Promise<StampedEvent[]> {
  return await Array.fromAsync(log.read({ since, follow: false, signal: never() }));
}

function localOf(event: StampedEvent | undefined): string {
  return event !== undefined && "local" in event ? event.local : "";
}

Deno.test("events carry their time, process and host", async () => {
  const log = new EventLog();
  log.emitter("gpu")(opened("a"));
  log.emitter()(opened("b"));
  const [first, second] = await kept(log);
  assertEquals([first?.host, second?.host, first?.pid], ["gpu", undefined, Deno.pid]);
  assertMatch(first?.time ?? "", /^\d{4}-.*Z$/);
});

Deno.test("readers each get everything that comes, and what is kept if they ask for it", async () => {
  const log = new EventLog();
  const emit = log.emitter();
  emit(opened("before"));
  const stop = new AbortController();
  const read = async (since?: number) => {
    const got: string[] = [];
    const from = since === undefined ? {} : { since };
    for await (const event of log.read({ ...from, follow: true, signal: stop.signal })) {
      got.push(localOf(event));
      if (got.at(-1) === "last") break;
    }
    return got;
  };
  const readers = [read(), read(0), read(Date.now() + 60_000)];
  for (const name of ["one", "two", "last"]) emit(opened(name));
  assertEquals(await Promise.all(readers), [
    ["one", "two", "last"],
    ["before", "one", "two", "last"],
    ["one", "two", "last"],
  ]);
  const waiting = read();
  stop.abort();
  assertEquals(await waiting, []);
});

Deno.test("a slow reader is told how many it has missed", async () => {
  const log = new EventLog();
  const emit = log.emitter();
  emit(opened("0"));
  const reader = log.read({ since: 0, follow: true, signal: never() });
  assertEquals(localOf((await reader.next()).value ?? undefined), "0");
  for (let count = 1; count <= MAX_EVENTS + 5; count++) emit(opened(`${count}`));
  const { value: gap } = await reader.next();
  assert(gap?.kind === "events.missed");
  assertEquals(gap.count, 5);
  assertEquals(localOf((await reader.next()).value ?? undefined), "6");
  await reader.return(undefined);
  assertEquals((await kept(log)).length, MAX_EVENTS);
});

Deno.test("a connection is told of from its first day to its last", async () => {
  const deaths: ((reason?: Error) => void)[] = [];
  let fails = false;
  const connect = (): Promise<Transport> => {
    if (fails) return Promise.reject(new AgentError("unreachable", "No way"));
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    deaths.push(resolve);
    return Promise.resolve({
      description: "ssh://dev@gpu:22",
      open: () => Promise.resolve(memoryPair()[0]),
      closed: promise,
      close: () => resolve(undefined),
    });
  };
  const backoff = { firstMs: 1, maxMs: 1, stableMs: 0, leastMs: 0 };
  const supervisor = new Supervisor({ connect, backoff, random: () => 0 });
  const told: AgentEvent[] = [];
  const forget = tellOfTransport(supervisor, "ssh://gpu", (event) => void told.push(event));
  await supervisor.start();
  fails = true;
  deaths[0]?.(new AgentError("lost", "Gone"));
  await until("an attempt fails", () => told.some(({ kind }) => kind === "transport.failed"));
  fails = false;
  await until("it is up again", () => told.at(-1)?.kind === "transport.up");
  const kinds = told.map(({ kind }) => kind);
  assertEquals(kinds.slice(0, 3), ["transport.up", "transport.down", "transport.reconnecting"]);
  assertEquals(kinds.filter((kind) => kind === "transport.up").length, 2);
  const down = told.find((event) => event.kind === "transport.down");
  assertEquals(down, { kind: "transport.down", remote: "ssh://dev@gpu:22", reason: "Gone" });
  forget();
  const { length } = told;
  await supervisor.close();
  assertEquals(told.length, length);
});

Deno.test({
  name: "a running program is followed over its private socket until it ends",
  ignore: Deno.build.os === "windows",
  async fn() {
    const directory = await Deno.makeTempDir();
    const events = new EventLog();
    const emit = events.emitter();
    emit(opened("early"));
    const address: ListenAddress = { kind: "unix", path: `${directory}/${Deno.pid}.sock` };
    const source = testSource({ events });
    const server = await startOpsServer(source, { addresses: [address], isPrivate: true });
    try {
      const lines: string[] = [];
      const onLine = (line: string) => void lines.push(line);
      const past = { since: 0, follow: false, onLine, signal: never() };
      assertEquals(await followEvents([directory], past), 1);
      assertEquals(lines.map((line) => localOf(JSON.parse(line))), ["early"]);

      const following = followEvents([directory], { follow: true, onLine, signal: never() });
      await until("it follows", () => {
        emit(opened("late"));
        return lines.length > 1;
      });
      const stop = new AbortController();
      const stopped = followEvents([directory], { follow: true, onLine, signal: stop.signal });
      stop.abort();
      assertEquals(await stopped, 1);
      await server.close();
      assertEquals(await following, 1);
    } finally {
      await server.close();
      await Deno.remove(directory, { recursive: true });
    }
  },
});

Deno.test("the command tells nobody, an end and an interruption apart", async () => {
  const values = { json: false, since: undefined, follow: true };
  const answer = (count: number) => () => Promise.resolve(count);
  const nobody = await assertRejects(() => runEvents(values, testSystem(), answer(0)), AgentError);
  assertEquals((nobody as AgentError).kind, "unreachable");
  const full = {
    ...testSystem(),
    out: () => {
      throw new AgentError("output", "Cannot write to standard output");
    },
  };
  const line = '{"time":"2026-01-16T10:20:00.000Z","pid":1,"kind":"transport.up"}';
  const speaks: Follow = (_, { onLine, signal }) => {
    onLine(line);
    return Promise.resolve(signal.aborted ? 1 : 0);
  };
  await assertRejects(() => runEvents(values, full, speaks), AgentError, "Cannot write");
  const ended = await assertRejects(() => runEvents(values, testSystem(), answer(1)), AgentError);
  assertEquals((ended as AgentError).kind, "lost");
  assertEquals(await runEvents({ ...values, follow: false }, testSystem(), answer(1)), 0);
});

Deno.test("an event is one line for people", () => {
  const time = "2026-01-16T10:30:00.000Z";
  const event = { time, pid: 1, host: "gpu", kind: "transport.down", reason: "it was\n closed" };
  const text = `${time} gpu: transport.down reason="it was\\n closed"`;
  assertEquals(renderEvent(JSON.stringify(event)), text);
  const plain = { time, pid: 1, kind: "sync.flush", folder: "/a", changes: 3 };
  assertEquals(renderEvent(JSON.stringify(plain)), `${time} sync.flush folder=/a changes=3`);
});

Deno.test("a time is a duration ago or a moment", () => {
  const now = Date.parse("2026-01-16T10:30:00Z");
  assertEquals(parseSince("10m", now), now - 600_000);
  assertEquals(parseSince("2026-01-16T10:00:00Z", now), now - 1_800_000);
  for (const text of ["soon", "2026-13-45", "-5m", ""]) {
    assertThrows(() => parseSince(text, now), AgentError, "--since");
  }
});
