/**
 * The Docker API through a gateway that is not ours: nginx, which chooses the engine by the SNI name,
 * has no guest, and ends a hijacked connection when its client half-closes.
 */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { goByNginx } from "../support/mtls_way.ts";
import { endToEnd } from "../support/e2e.ts";

// nginx loses what comes after the end of a standard input.
const LEFT_OUT = /debian docker CLI|standard input|^exec ends with|start -ai|left behind|detach/;
await goByNginx((test) => !LEFT_OUT.test(test));
const test = await endToEnd();

test("run and exec print their output, ten times out of ten", async ({ docker }) => {
  const container = await docker.ok(["run", "-d", "bb", "sleep", "60"]);
  for (let round = 0; round < 10; round++) {
    assertEquals(await docker.ok(["run", "--rm", "bb", "echo", `run ${round}`]), `run ${round}`);
    assertEquals(await docker.ok(["exec", container, "echo", `exec ${round}`]), `exec ${round}`);
  }
  await docker.ok(["rm", "-f", container]);
});

test("what needs a guest is said, to the client and in the log", async ({ docker, agent }) => {
  const created = await docker.run(["create", "-p", "8080:80", "bb", "true"]);
  assertMatch(created.stderr, /WARNING: Published ports cannot be reached from here: .*no guest/);
  await agent.waitForLog(/Waiting for a guest of the remote host: published ports: /);
  await agent.waitForLog(/Folders are synced through volumes of the engine/);
  await docker.ok(["rm", created.stdout.trim()]);
});

test("that output may be lost after the end of the input is told once", async ({ docker, agent }) => {
  for (let round = 0; round < 2; round++) {
    await docker.run(["run", "--rm", "-i", "bb", "cat"], { stdin: "x" });
  }
  await agent.waitForLog(/the output after that may be lost/);
  const { output } = await agent.logUntilNow();
  assertEquals(output.match(/the output after that may be lost/g)?.length, 1);
});

await import("./run_test.ts");
await import("./exec_attach_test.ts");
