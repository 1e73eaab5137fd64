import type { HostSpec, HostUnit } from "../../../lib/hosts/host_keeper.ts";
import { HostSet } from "../../../lib/hosts/host_set.ts";
import { assert, assertEquals } from "../../support/assert.ts";

/** Hosts that write down what is done to them. */
function testHosts() {
  const log: string[] = [];
  const failures = new Map<string, (error: Error) => void>();
  const spec = (
    name: string,
    fingerprint = "1",
    start?: () => Promise<void>,
  ): HostSpec<HostUnit> => ({
    name,
    address: "ssh://host",
    fingerprint,
    async start() {
      log.push(`start ${name}`);
      await start?.();
      const { promise, resolve } = Promise.withResolvers<Error>();
      failures.set(name, resolve);
      return {
        failed: promise,
        shutdown: (ms) => (log.push(`stop ${name} ${ms}`), Promise.resolve()),
      };
    },
  });
  return { log, spec, fail: (name: string) => failures.get(name)?.(new Error("changed key")) };
}

Deno.test("only what has changed is stopped and started", async () => {
  const { log, spec } = testHosts();
  const set = new HostSet();
  await set.apply([spec("aa"), spec("bb"), spec("cc")], 5);
  log.length = 0;
  const changes = await set.apply([spec("bb", "2"), spec("aa"), spec("dd")], 5);
  assertEquals(log, ["stop bb 5", "stop cc 5", "start bb", "start dd"]);
  assertEquals(changes, { started: ["bb", "dd"], stopped: ["bb", "cc"], kept: ["aa"] });
  assertEquals(set.keepers.map(({ spec }) => spec.name), ["bb", "aa", "dd"]);
  await set.close(7);
  assertEquals(log.slice(4).sort(), ["stop aa 7", "stop bb 7", "stop dd 7"]);
});

Deno.test("a host that cannot start keeps no other from it, and is stopped while it waits", async () => {
  const { log, spec } = testHosts();
  const set = new HostSet();
  const bad = spec("aa", "1", () => Promise.reject(new Error("port in use")));
  await set.apply([bad, spec("bb")], 0);
  assertEquals(set.keepers.map(({ unit }) => unit !== undefined), [false, true]);
  assert(set.keepers[0]?.error instanceof Error);
  await set.close(0);
  assertEquals(log, ["start aa", "start bb", "stop bb 0"]);
});

Deno.test("one that has given up is started anew by the next change, others are not", async () => {
  const { log, spec, fail } = testHosts();
  const set = new HostSet();
  await set.apply([spec("aa"), spec("bb")], 0);
  fail("aa");
  await Promise.resolve();
  await set.apply([spec("aa"), spec("bb")], 0);
  assertEquals(log, ["start aa", "start bb", "stop aa 0", "start aa"]);
  await set.close(0);
});

Deno.test("changes follow each other, and none comes after the end", async () => {
  const { log, spec } = testHosts();
  const set = new HostSet();
  const gate = Promise.withResolvers<void>();
  const first = set.apply([spec("aa", "1", () => gate.promise)], 0);
  const second = set.apply([spec("aa", "2")], 0);
  gate.resolve();
  await Promise.all([first, second]);
  assertEquals(log, ["start aa", "stop aa 0", "start aa"]);
  await set.close(0);
  assertEquals((await set.apply([spec("bb")], 0)).started, []);
});
