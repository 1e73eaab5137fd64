/** What is under way when the connection to the remote host is lost, and what of it goes on. */
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { type Bench, endToEnd } from "../support/e2e.ts";
import { until } from "../support/poll.ts";

const test = await endToEnd();
const agentOnly = true;
/** Prints numbers, about 40 each second. */
const COUNT = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); usleep 20000; done";
/** The same without end, until it is told to stop. */
const COUNT_ON = "i=0; until [ -e /tmp/stop ]; do echo line $i; i=$((i+1)); usleep 20000; done";

/** Runs a container in the background and removes it in the end. */
async function withContainer(
  { docker, direct }: Bench,
  args: readonly string[],
  body: (id: string) => Promise<void>,
): Promise<void> {
  const id = await docker.ok(["run", "-d", ...args]);
  try {
    await body(id);
  } finally {
    await direct.run(["rm", "-f", "-v", id]);
  }
}

const numbers = (text: string) =>
  [...text.matchAll(/^line (\d+)\r?$/gm)].map((match) => Number(match[1]));
const upTo = (count: number) => Array.from({ length: count }, (_, i) => i);

for (const [kind, flags] of [["frames", []], ["a terminal", ["-t"]]] as const) {
  test(
    `logs -f of ${kind} go on without a gap or a repeat`,
    { agentOnly },
    (bench) =>
      withContainer(bench, [...flags, "bb", "sh", "-c", COUNT], async (id) => {
        await using logs = bench.docker.spawn(["logs", "-f", id]);
        for (const line of [20, 80, 140]) {
          await logs.waitFor(new RegExp(`line ${line}\\b`));
          await bench.rig.verb("drop-sessions");
        }
        assertEquals(await logs.wait(), 0);
        assertEquals(numbers(logs.stdout), upTo(200));
      }),
  );
}

test(
  "logs -f go on when this machine comes to another network",
  { agentOnly },
  (bench) =>
    withContainer(bench, ["bb", "sh", "-c", COUNT], async (id) => {
      await using logs = bench.docker.spawn(["logs", "-f", id]);
      await logs.waitFor(/line 20\b/);
      await bench.rig.verb("roam");
      try {
        assertEquals(await logs.wait(), 0);
        assertEquals(numbers(logs.stdout), upTo(200));
      } finally {
        await bench.rig.verb("roam");
      }
    }),
);

test(
  "logs -f with times and a tail of nothing go on as they were",
  { agentOnly },
  (bench) =>
    withContainer(bench, ["bb", "sh", "-c", COUNT_ON], async (id) => {
      await using logs = bench.docker.spawn(["logs", "-f", "-t", "--tail", "0", id]);
      const [, first] = await logs.waitFor(/line (\d+)\n/);
      await bench.rig.verb("drop-sessions");
      await logs.waitFor(new RegExp(`line ${Number(first) + 60}\n`));
      await bench.direct.ok(["exec", id, "touch", "/tmp/stop"]);
      assertEquals(await logs.wait(), 0);
      const lines = logs.stdout.trim().split("\n");
      for (const line of lines) assertMatch(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z line \d+$/);
      const found = lines.map((line) => Number(line.split(" ").at(-1)));
      const all = (await bench.direct.ok(["logs", id])).split("\n").length;
      assertEquals(found, upTo(all).slice(Number(first)));
    }),
);

test("events go on without a gap or a repeat", { agentOnly }, async (bench) => {
  const names = upTo(6).map((number) => `resumed-${bench.agent.pid}-${number}`);
  const filters = ["--filter", "type=volume", "--filter", "event=create"];
  const format = ["--format", "{{.Action}} {{.Actor.ID}}"];
  await using events = bench.docker.spawn(["events", ...filters, ...format]);
  const make = (name: string) => bench.direct.ok(["volume", "create", name]);
  try {
    // The stream has begun once it tells of something.
    await until("events are told", async () => {
      await bench.direct.ok(["volume", "create", `${names[0]}-begin`]);
      await bench.direct.ok(["volume", "rm", `${names[0]}-begin`]);
      return events.soFar.stdout.includes("begin");
    });
    for (const name of names.slice(0, 2)) await make(name);
    await events.waitFor(new RegExp(names[1] ?? ""));
    await bench.rig.verb("stop-sshd");
    await bench.rig.verb("drop-sessions");
    for (const name of names.slice(2, 4)) await make(name);
    await bench.rig.verb("start-sshd");
    await events.waitFor(new RegExp(names[3] ?? ""));
    for (const name of names.slice(4)) await make(name);
    await events.waitFor(new RegExp(`${names[5]}\n`));
    const told = events.soFar.lines.filter((line) => !line.includes("begin"));
    assertEquals(told, names.map((name) => `create ${name}`));
  } finally {
    await bench.rig.verb("restart-sshd");
    await bench.direct.run(["volume", "rm", "-f", ...names]);
  }
});

test("wait comes to its end, whatever happened meanwhile", { agentOnly }, async (bench) => {
  const script = "while [ ! -e /tmp/go ]; do usleep 50000; done; exit 7";
  await withContainer(bench, ["bb", "sh", "-c", script], async (id) => {
    await using waiting = bench.docker.spawn(["wait", id]);
    // Not that of `run`, which has a condition.
    await bench.agent.waitForLog(/POST \S*\/wait\b(?!\?).*200/);
    await bench.rig.verb("drop-sessions");
    await bench.agent.waitForLog(/Connected again/);
    await bench.direct.ok(["exec", id, "touch", "/tmp/go"]);
    assertEquals(await waiting.wait(), 0);
    assertEquals(waiting.stdout.trim(), "7");
  });
});

test(
  "docker run --rm whose link is lost ends with the code of its command",
  { agentOnly },
  async (bench) => {
    const script = "echo begun; while [ ! -e /tmp/go ]; do usleep 50000; done; exit 5";
    const name = `lost-${bench.agent.pid}`;
    await using run = bench.docker.spawn(["run", "--rm", "--name", name, "bb", "sh", "-c", script]);
    await run.waitFor(/begun/);
    await bench.agent.waitForLog(/POST \S*\/start.*204/);
    await bench.rig.verb("drop-sessions");
    await run.waitFor(/the connection to the remote host was lost/);
    await bench.direct.ok(["exec", name, "touch", "/tmp/go"]);
    assertEquals(await run.wait(), 5);
  },
);

test("a command that has said nothing yet is told of as well", { agentOnly }, async (bench) => {
  const script = "while [ ! -e /tmp/go ]; do usleep 50000; done; exit 5";
  const name = `silent-${bench.agent.pid}`;
  await using run = bench.docker.spawn(["run", "--rm", "--name", name, "bb", "sh", "-c", script]);
  await until(
    "the container runs",
    async () => (await bench.direct.run(["exec", name, "true"])).code === 0,
  );
  await bench.agent.waitForLog(/POST \S*\/start.*204/);
  await bench.rig.verb("drop-sessions");
  await run.waitFor(/the connection to the remote host was lost/);
  await bench.direct.ok(["exec", name, "touch", "/tmp/go"]);
  assertEquals(await run.wait(), 5);
});

test(
  "exec whose link is lost says so and fails",
  { agentOnly },
  (bench) =>
    withContainer(bench, ["bb", "sleep", "600"], async (id) => {
      await using exec = bench.docker.spawn(["exec", id, "sh", "-c", "echo begun; sleep 600"]);
      await exec.waitFor(/begun/);
      await bench.rig.verb("drop-sessions");
      assertEquals(await exec.wait(), 1);
      assertStringIncludes(exec.stderr, "the connection to the remote host was lost");
    }),
);

test(
  "an agent that slept through the loss of its link goes on",
  { agentOnly },
  (bench) =>
    withContainer(bench, ["bb", "sh", "-c", COUNT], async (id) => {
      await using logs = bench.docker.spawn(["logs", "-f", id]);
      await logs.waitFor(/line 20\b/);
      bench.agent.kill("SIGSTOP");
      await bench.rig.verb("drop-sessions");
      await until(
        "the container has gone on",
        async () => (await bench.direct.ok(["logs", "--tail", "1", id])).includes("line 1"),
      );
      bench.agent.kill("SIGCONT");
      assertEquals(await logs.wait(), 0);
      assertEquals(numbers(logs.stdout), upTo(200));
      assertEquals((await bench.docker.run(["ps"])).code, 0);
    }),
);
