/** Who waits for a session, and for how long: what it does for itself holds up nobody. */
import { join } from "node:path";
import { AgentError } from "../../../../lib/errors.ts";
import { logger } from "../../../../lib/log.ts";
import { Agenda } from "../../../../lib/sync/session/agenda.ts";
import { RemoteFollower } from "../../../../lib/sync/remote/follower.ts";
import { LinkRate } from "../../../../lib/sync/transfer/link_rate.ts";
import { Schedule } from "../../../../lib/sync/session/schedule.ts";
import type { RemoteProcess, SpawnOptions } from "../../../../lib/transport/transport.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { LocalShell } from "../../../support/local_shell.ts";
import { until } from "../../../support/poll.ts";
import { edit, SyncBench } from "../harness.ts";

/** The pause after a failed attempt; see `session.ts`. */
const RETRY_MS = 2_000;

/** Counts what ends the pauses of a session. */
class CountingAgenda extends Agenda {
  wakes = 0;

  override wake(): void {
    this.wakes++;
    super.wake();
  }
}

/** Every pause that is begun until it is disposed of. */
class Pauses implements Disposable {
  readonly all: number[] = [];
  readonly #original = globalThis.setTimeout;

  constructor() {
    globalThis.setTimeout = Object.assign(
      (handler: () => void, ms?: number) => {
        this.all.push(ms ?? 0);
        return this.#original(handler, ms);
      },
      this.#original,
    );
  }

  [Symbol.dispose](): void {
    globalThis.setTimeout = this.#original;
  }
}

Deno.test("whoever asks while an attempt fails does not wait for the next one", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1" });
  await bench.session.flush();
  await bench.session.watch(true);
  await bench.session.flush();
  const inner = new LocalShell();
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<RemoteProcess>();
  let isFirst = true;
  bench.shell = {
    run: inner.run,
    spawn(command: string, options?: SpawnOptions) {
      if (!isFirst) return inner.spawn(command, options);
      isFirst = false;
      asked.resolve();
      return answer.promise;
    },
  };
  const first = assertRejects(() => bench.session.flush(), AgentError, "Broken by the test");
  await asked.promise;
  using pauses = new Pauses();
  const second = bench.session.flush();
  answer.reject(new AgentError("engine", "Broken by the test"));
  await first;
  await second;
  assert(!pauses.all.includes(RETRY_MS), "the session rested although somebody waited");
});

Deno.test("a watch that is started while nobody wants it any more is ended", async () => {
  await using bench = new SyncBench();
  const { remote: path, base } = bench;
  const staging = join(base, "staging");
  edit(base, { "remote/data/d/": "", "staging/": "" });
  const inner = new LocalShell();
  const go = Promise.withResolvers<void>();
  const started = Promise.withResolvers<RemoteProcess>();
  const shell = {
    run: inner.run,
    spawn: inner.spawn,
    async watch(command: string) {
      await go.promise;
      const process = await inner.spawn(command);
      started.resolve(process);
      return process;
    },
  };
  const facts = { isRoot: false, home: base, rsync: false, gzip: false };
  const schedule = new Schedule();
  const follower = new RemoteFollower(schedule, new Agenda(), logger("sync"));
  const root = { path, staging, facts, isOpen: false, link: new LinkRate() };
  follower.follow({ shell, root });
  follower.close();
  go.resolve();
  const process = await started.promise;
  try {
    let isOver = false;
    void process.exit.then(() => isOver = true);
    await until("the watch has ended", () => isOver);
    assertEquals(schedule.isFollowed, false);
  } finally {
    process.stdio.close();
    await process.exit;
  }
});

Deno.test("a watch that there is no place for, or that cannot be started, ends no pause", async () => {
  await using bench = new SyncBench();
  const { remote: path, base } = bench;
  const facts = { isRoot: false, home: base, rsync: false, gzip: false };
  const root = { path, staging: join(base, "staging"), facts, isOpen: false, link: new LinkRate() };
  const { run, spawn } = new LocalShell();
  const broken = new AgentError("engine", "Broken by the test");
  for (const watch of [() => undefined, () => Promise.reject(broken)]) {
    const agenda = new CountingAgenda();
    const follower = new RemoteFollower(new Schedule(), agenda, logger("sync"));
    follower.follow({ shell: { run, spawn, watch }, root });
    // All that it does is done before the next turn of the event loop.
    await new Promise((resolve) => setTimeout(resolve));
    assertEquals(agenda.wakes, 0);
  }
});

Deno.test("a watch that ends at once is not started with every look", async () => {
  await using bench = new SyncBench();
  const { remote: path, base } = bench;
  const facts = { isRoot: false, home: base, rsync: false, gzip: false };
  // There is no such directory for its mark.
  const root = { path, staging: join(base, "none"), facts, isOpen: false, link: new LinkRate() };
  const inner = new LocalShell();
  let started = 0;
  const watch = (command: string, options?: SpawnOptions) => {
    started++;
    return inner.spawn(command, options);
  };
  let now = 0;
  const agenda = new CountingAgenda();
  const follower = new RemoteFollower(new Schedule(), agenda, logger("sync"), () => now);
  const follow = () =>
    follower.follow({ shell: { run: inner.run, spawn: inner.spawn, watch }, root });
  follow();
  // One for the watch that there is, and one for its end.
  await until("the watch has ended", () => agenda.wakes === 2);
  follow();
  assertEquals(started, 1);
  now = 10_000;
  follow();
  assertEquals(started, 2);
  await until("the watch has ended again", () => agenda.wakes === 4);
  follower.close();
});
