/**
 * A gateway that is not ours and ends what is silent for eight seconds, in good order: streams that
 * wait for their command, and connections that wait for a request.
 */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { type Bench, endToEnd } from "../support/e2e.ts";
import { goByNginx } from "../support/mtls_way.ts";
import { until } from "../support/poll.ts";

await goByNginx(() => true, { patience: "8s" });
const test = await endToEnd();
const SILENCE = "while [ ! -e /tmp/go ]; do usleep 20000; done";

async function withContainer(
  { direct }: Bench,
  args: readonly string[],
  body: (id: string) => Promise<void>,
): Promise<void> {
  const id = await direct.ok(["run", "-d", ...args]);
  try {
    await body(id);
  } finally {
    await direct.run(["rm", "-f", id]);
  }
}

test("an exec that is ended while it is silent says so and fails", (bench) =>
  withContainer(bench, ["bb", "sleep", "600"], async (id) => {
    await using frames = bench.docker.spawn(["exec", id, "sh", "-c", "echo begun; sleep 600"]);
    await using terminal = await bench.docker.terminal(["exec", "-it", id, "sleep", "600"]);
    assertEquals(await frames.wait(), 1);
    assertMatch(frames.stderr, /the connection to the remote host was lost/);
    assertEquals(await terminal.wait(), 1);
    assertMatch(terminal.screen, /the connection to the remote host was lost/);
  }));

test("a run that is ended while it is silent does not end with 0", async ({ docker, direct }) => {
  const name = `silent-${Deno.pid}`;
  await using run = docker.spawn([
    "run",
    "--name",
    name,
    "bb",
    "sh",
    "-c",
    `echo begun; ${SILENCE}`,
  ]);
  try {
    await run.waitFor(/the connection to the remote host was lost/);
    await direct.ok(["exec", name, "touch", "/tmp/go"]);
    assertEquals(await run.wait(), 125);
  } finally {
    await direct.run(["rm", "-f", name]);
  }
});

test("logs -f and wait go on through silences", (bench) =>
  withContainer(
    bench,
    ["bb", "sh", "-c", `echo begun; ${SILENCE}; echo last; exit 7`],
    async (id) => {
      await using logs = bench.docker.spawn(["logs", "-f", id]);
      await using waiting = bench.docker.spawn(["wait", id]);
      await logs.waitFor(/begun/);
      const cuts = /The connection was lost; the answer goes on/g;
      await until(
        "both were ended",
        () => (bench.agent.logSoFar.output.match(cuts)?.length ?? 0) >= 2,
      );
      await bench.direct.ok(["exec", id, "touch", "/tmp/go"]);
      assertEquals([await logs.wait(), logs.stdout], [0, "begun\nlast\n"]);
      assertEquals([await waiting.wait(), waiting.stdout], [0, "7\n"]);
    },
  ));

test("a request on a connection that is about to be ended happens once", async (bench) => {
  const names: string[] = [];
  try {
    // Around the moment at which nginx ends a connection without a request.
    for (const ms of [7_970, 8_000, 8_030]) {
      await new Promise((resolve) => setTimeout(resolve, ms));
      const name = `once-${bench.agent.pid}-${ms}`;
      names.push(name);
      assertEquals(await bench.docker.ok(["volume", "create", name]), name);
    }
    const made = await bench.direct.ok([
      "volume",
      "ls",
      "-q",
      "--filter",
      `name=once-${bench.agent.pid}`,
    ]);
    assertEquals(made.split("\n").toSorted(), names.toSorted());
  } finally {
    await bench.direct.run(["volume", "rm", "-f", ...names]);
  }
});
