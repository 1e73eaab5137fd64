import { AgentError } from "../../../../lib/errors.ts";
import { joinSyncs } from "../../../../lib/ops/sources/joined_sync.ts";
import type { SyncControl } from "../../../../lib/ops/sources/source.ts";
import type { Conflict, SyncInfo } from "../../../../lib/sync/types.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";

/** The sessions of one host, which write down what is asked of them. */
function testSync(id: string, time: number, log: string[], isAway = false): SyncControl {
  const info: SyncInfo = {
    session: id,
    root: `/${id}`,
    remotePath: "/r",
    mode: "two-way-safe",
    state: "idle",
    files: 0,
    bytes: 0,
    pending: 0,
    conflicts: 1,
    problems: [],
    containers: [],
  };
  const conflict: Conflict = { id: `c-${id}`, session: id, local: "a", kept: "b", time, size: 1 };
  return {
    snapshot: () => [info],
    conflicts: () => Promise.resolve([conflict]),
    flush: (sessions) => (log.push(`flush ${id} ${sessions}`), Promise.resolve()),
    pause: (session) => void log.push(`pause ${session}`),
    resume: (session) => void log.push(`resume ${session}`),
    restore: (conflictId) => (log.push(`restore ${id} ${conflictId}`), Promise.resolve()),
    prune() {
      if (isAway) return Promise.reject(new AgentError("lost", "away"));
      return Promise.resolve([{ session: id, remotePath: "/r", root: `/${id}` }]);
    },
  };
}

Deno.test("what is asked about a session reaches its host and no other", async () => {
  const log: string[] = [];
  const joined = joinSyncs([testSync("aa", 1, log), testSync("bb", 2, log)]);
  assertEquals(joined.snapshot().map(({ session }) => session), ["aa", "bb"]);
  assertEquals((await joined.conflicts()).map(({ id }) => id), ["c-bb", "c-aa"]);
  await joined.flush(["bb"]);
  joined.pause("aa");
  joined.resume("bb");
  await joined.restore("c-bb");
  assertEquals(log, ["flush bb bb", "pause aa", "resume bb", "restore bb c-bb"]);
  await assertRejects(() => joined.restore("c-cc"), AgentError, 'no conflict "c-cc"');
});

Deno.test("a host that is away does not keep others from being pruned", async () => {
  const here = testSync("aa", 1, []), away = testSync("bb", 2, [], true);
  const pruned = await joinSyncs([away, here]).prune({ dryRun: true });
  assertEquals(pruned.map(({ session }) => session), ["aa"]);
  await assertRejects(() => joinSyncs([away]).prune({ dryRun: true }), AgentError, "away");
});
