import { runConflicts, runPrune, runSyncs } from "../../../lib/cli/commands/syncs.ts";
import { assertEquals, assertStringIncludes } from "../../support/assert.ts";
import { testSystem } from "../../support/command_line.ts";

/** Two agents of one user on one state directory, which answer the same. */
function twoAgents(body: unknown) {
  return () => Promise.resolve([{ status: 200, body }, { status: 200, body }]);
}

const CONFLICT = {
  id: "1",
  session: "s",
  local: "/src/a",
  kept: "/state/1/content",
  time: 0,
  size: 3,
};

Deno.test("what two agents know of is listed once", async () => {
  const conflicts = testSystem();
  await runConflicts(
    { json: true, restore: undefined, to: undefined },
    conflicts,
    twoAgents([CONFLICT]),
  );
  assertEquals(JSON.parse(conflicts.stdout()), [CONFLICT]);
  const pruned = testSystem();
  const entry = { session: "s", remotePath: "/sync/s", root: "/src" };
  await runPrune({ json: false, "dry-run": true }, pruned, twoAgents([entry]));
  assertEquals(pruned.stdout(), "Would remove /sync/s of /src\n");
});

Deno.test("paths that are left alone, and those that are not what they seem, are told apart", async () => {
  const system = testSystem();
  const problems = [
    { path: "pipe", reason: "it is a pipe" },
    { path: "away", reason: "the link leads out of the folder", isSynced: true },
  ];
  const info = { session: "s", root: "/src", mode: "two-way-safe", files: 1, bytes: 1, pending: 0 };
  const ask = () =>
    Promise.resolve([{
      status: 200,
      body: [{ ...info, conflicts: 0, containers: [], state: "idle", problems }],
    }]);
  await runSyncs(undefined, { json: false, session: undefined }, system, ask);
  assertStringIncludes(system.stdout(), 'Not synced: "pipe" in /src: it is a pipe\n');
  assertStringIncludes(system.stdout(), 'Synced as it is: "away" in /src: the link leads out');
});
