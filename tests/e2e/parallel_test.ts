/** Many commands at once: none fails. */
import { assertEquals } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";

const test = await endToEnd();
const timeoutMs = 400_000;

test("100 docker ps at once all succeed", async ({ docker }) => {
  const all = Array.from({ length: 100 }, () => docker.run(["ps"], { timeoutMs }));
  const failed = (await Promise.all(all)).filter(({ code }) => code !== 0);
  assertEquals(failed.map(({ stderr }) => stderr), []);
});

test("100 docker version at once over TCP all succeed", async ({ agent, docker }) => {
  await using tcp = await agent.docker(docker.cli, "tcp");
  const all = Array.from({ length: 100 }, () => tcp.run(["version"], { timeoutMs }));
  const failed = (await Promise.all(all)).filter(({ code }) => code !== 0);
  assertEquals(failed.map(({ stderr }) => stderr), []);
});

test("30 docker run at once all succeed and keep their outputs apart", async ({ docker }) => {
  const all = Array.from({ length: 30 }, async (_, index) => {
    const command = ["run", "--rm", "bb", "echo", `number ${index}`];
    const { code, stdout, stderr } = await docker.run(command, { timeoutMs });
    return code === 0 && stdout === `number ${index}\n` ? [] : [{ index, code, stdout, stderr }];
  });
  assertEquals((await Promise.all(all)).flat(), []);
});
