/** Answers whose end is far away: they arrive as they happen and end when they should. */
import { assertEquals } from "../support/assert.ts";
import { sameAsDirect, uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { until } from "../support/poll.ts";
import { request } from "../support/raw_http.ts";

const test = await endToEnd();

test.withEachCli("logs -f shows lines as they are written and ends with the container", async (b) => {
  const name = uniqueName("logs");
  const script = "echo first; until [ -e /tmp/go ]; do sleep 0.05; done; echo second >&2";
  await b.docker.ok(["run", "-d", "--name", name, "bb", "sh", "-c", script]);
  try {
    await using logs = b.docker.spawn(["logs", "-f", name]);
    await logs.waitFor(/first/);
    await b.docker.ok(["exec", name, "touch", "/tmp/go"]);
    await logs.waitFor(/second/);
    assertEquals(await logs.wait(), 0);
    assertEquals([logs.stdout, logs.stderr], ["first\n", "second\n"]);
    await sameAsDirect(b, ["logs", "--timestamps", name]);
    await sameAsDirect(b, ["logs", "--tail", "1", name]);
  } finally {
    await b.docker.run(["rm", "-f", name]);
  }
});

test.withEachCli("events arrive as they happen", async (bench) => {
  const name = uniqueName("events");
  const since = await engineTime(bench.rig.directSocket);
  const filter = ["--filter", `container=${name}`, "--format", "{{.Type}} {{.Action}}"];
  await using events = bench.docker.spawn(["events", "--since", since, ...filter]);
  await bench.docker.ok(["run", "--rm", "--name", name, "bb", "true"]);
  await events.waitFor(/container destroy/);
  events.kill("SIGINT");
  await events.wait();
  const past = ["events", "--since", since, "--until", await engineTime(bench.rig.directSocket)];
  const { stdout } = await sameAsDirect(bench, [...past, ...filter]);
  assertEquals(events.stdout, stdout);
});

test.withEachCli("wait answers when the container ends", async ({ docker }) => {
  const name = uniqueName("wait");
  await docker.ok(["run", "-d", "--name", name, "bb", "sleep", "600"]);
  try {
    await using waiting = docker.spawn(["wait", name]);
    await docker.ok(["kill", name]);
    assertEquals([await waiting.wait(), waiting.stdout], [0, "137\n"]);
  } finally {
    await docker.run(["rm", "-f", name]);
  }
});

test("stats go on sending samples", async ({ docker }) => {
  const name = uniqueName("stats");
  await docker.ok(["run", "-d", "--name", name, "bb", "sleep", "600"]);
  try {
    await using stats = docker.spawn(["stats", "--format", "sample {{.Name}}", name]);
    await until(
      "two samples",
      () => stats.soFar.lines.filter((line) => line.includes(name)).length >= 2,
    );
    stats.kill("SIGKILL"); // the CLI would ask the engine for one more sample
  } finally {
    await docker.run(["rm", "-f", name]);
  }
});

/** The engine's clock, in the form `--since` takes. */
async function engineTime(socket: string): Promise<string> {
  const { body } = await request(socket, "GET /info");
  const time: unknown = JSON.parse(body).SystemTime;
  return String(time);
}
