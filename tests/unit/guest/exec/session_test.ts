import type { GuestProcess } from "../../../../lib/transport/guest/exec.ts";
import { assert, assertEquals } from "../../../support/assert.ts";
import { readUntil } from "../../../support/duplex.ts";
import { feedingStalls, isRunning, runOver, script, withGuest } from "../../../support/guest.ts";
import { until } from "../../../support/poll.ts";

/** The processes that a command has named by lines such as `pid 17`, all of which run. */
async function family(process: GuestProcess, size: number): Promise<number[]> {
  let output = "";
  const named = () => [...output.matchAll(/pid (\d+)\r?\n/g)].map(([, pid]) => Number(pid));
  while (named().length < size) output += await readUntil(process.stdio, "\n");
  assertEquals(named().filter(isRunning), named());
  return named();
}

/** Three processes that mind no polite signal. */
const STUBBORN = "trap '' HUP INT TERM; echo pid $$; " +
  "sh -c 'echo pid $$; sleep 60 & echo pid $!; wait' & wait";

async function allGone(pids: readonly number[]): Promise<void> {
  await until("all processes are gone", () => !pids.some(isRunning));
}

Deno.test("nothing that a command started outlives its connection", async () => {
  await withGuest({}, async (guest) => {
    const process = await guest.exec(script(STUBBORN));
    const pids = await family(process, 3);
    process.stdio.close();
    await allGone(pids);
    await until("its place is free", () => guest.guest.commands === 0);
  });
});

Deno.test("nothing on a terminal outlives its connection, jobs of a shell included", async () => {
  await withGuest({}, async (guest) => {
    const process = await guest.exec({
      command: "bash",
      args: ["-c", `set -m; ${STUBBORN}`],
      tty: { cols: 80, rows: 24 },
    });
    const pids = await family(process, 3);
    process.stdio.close();
    await allGone(pids);
  });
});

Deno.test("nothing outlives the guest", async () => {
  const pids: number[] = [];
  await withGuest({}, async (guest) => {
    const process = await guest.exec(script(STUBBORN));
    pids.push(...await family(process, 3));
    await guest.guest.shutdown(0);
    // The last signal may still be on its way.
    await allGone(pids);
    assertEquals("error" in await process.exit, true);
  });
});

Deno.test("what a command left in the background ends with it", async () => {
  await withGuest({}, async (guest) => {
    const left = "sleep 60 >/dev/null 2>&1 </dev/null & echo $!; exit 4";
    const { stdout, exit } = await runOver(guest, script(left));
    assertEquals(exit, { code: 4 });
    await allGone([Number(stdout)]);
  });
});

Deno.test("a client that leaves is noticed although the command takes no input", async () => {
  await withGuest({ limits: { keepAliveMs: 50 } }, async (guest) => {
    const process = await guest.exec(script("echo pid $$; sleep 60"));
    const pids = await family(process, 1);
    const feeding = (async () => {
      for (;;) await process.stdio.write(new Uint8Array(65_536));
    })().catch(() => {/* Its connection is closed below. */});
    await until("input has piled up", () => feedingStalls(guest));
    process.stdio.close();
    await feeding;
    await allGone(pids);
  });
});

Deno.test("a process that leaves its session keeps nothing here waiting", async () => {
  await withGuest({ limits: { keepAliveMs: 50 } }, async (guest) => {
    const away = "exec 3<&0; setsid sh -c 'echo pid $$; exec sleep 60' <&3 & sleep 60";
    const process = await guest.exec(script(away));
    const [pid = 0] = await family(process, 1);
    const feeding = (async () => {
      for (;;) await process.stdio.write(new Uint8Array(65_536));
    })().catch(() => {/* Its connection is closed below. */});
    await until("input has piled up", () => feedingStalls(guest));
    process.stdio.close();
    await feeding;
    await until("its place is free", () => guest.guest.commands === 0);
    assert(isRunning(pid));
    Deno.kill(pid, "SIGKILL");
    await allGone([pid]);
  });
});

Deno.test("output that nobody takes holds the command back", async () => {
  await withGuest({}, async (guest) => {
    const size = 64 * 1024 * 1024;
    const process = await guest.exec({ command: "head", args: ["-c", `${size}`, "/dev/zero"] });
    await until("the output has piled up", () => feedingStalls(guest));
    assertEquals(guest.guest.commands, 1);
    let received = 0;
    for (let chunk; (chunk = await process.stdio.read()) !== null;) received += chunk.length;
    assertEquals([received, await process.exit], [size, { code: 0 }]);
  });
});
