/** What breaks on the way is told at once and heals without a restart of the agent. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import type { Bench } from "../support/e2e.ts";
import { endToEnd } from "../support/e2e.ts";
import { until } from "../support/poll.ts";
import { deaf } from "../support/deaf.ts";
import { request } from "../support/raw_http.ts";

const test = await endToEnd();
/** Longest wait for an answer while the way is broken: detection, then `--reconnect-wait`. */
const TOLD_WITHIN_MS = 120_000;
const agentOnly = true;
/** For tests that see it end several times. */
const flags = { "reconnect-wait": "2s" };

/** Waits until docker works again through the same agent. */
async function heals({ docker }: Bench): Promise<void> {
  await until("docker works again", async () => (await docker.run(["ps"])).code === 0);
  assertEquals(await docker.ok(["run", "--rm", "bb", "echo", "healed"]), "healed");
}

test("a cut link is told as a Docker error, and heals", { agentOnly, flags }, async (bench) => {
  await bench.docker.ok(["ps"]);
  await bench.rig.verb("cut", "drop");
  try {
    const { code, stderr } = await bench.docker.run(["ps"], { timeoutMs: TOLD_WITHIN_MS });
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, "Error response from daemon:");
    const options = { timeoutMs: TOLD_WITHIN_MS };
    const answer = await request(bench.agent.socket, "GET /v1.41/containers/json", options);
    assertEquals(answer.status, 503, answer.head);
    assertMatch(String(JSON.parse(answer.body).message), /\w/);
    const ping = await request(bench.agent.socket, "GET /_ping", options);
    assertEquals(ping.status, 503, "_ping must not claim that the engine is there");
  } finally {
    await bench.rig.verb("heal");
  }
  await heals(bench);
});

test(
  "a cut link ends also what was asked before it was known to be cut",
  { agentOnly, flags },
  async (bench) => {
    await bench.docker.ok(["ps"]);
    await bench.rig.verb("cut", "drop");
    try {
      // Some go over connections that are open, the others find nobody to be dialed.
      const many = Array.from(
        { length: 12 },
        () =>
          request(bench.agent.socket, "POST /v1.41/containers/none/wait", {
            timeoutMs: TOLD_WITHIN_MS,
          }),
      );
      const statuses = (await Promise.all(many)).map(({ status }) => status);
      assertEquals(statuses.filter((status) => status !== 502 && status !== 503), []);
    } finally {
      await bench.rig.verb("heal");
    }
    await heals(bench);
  },
);

test("a link that is cut for a moment is not noticed", { agentOnly }, async (bench) => {
  await bench.rig.verb("cut", "drop");
  const command = bench.docker.run(["ps"], { timeoutMs: TOLD_WITHIN_MS });
  await bench.rig.verb("heal");
  assertEquals((await command).code, 0);
});

test("a container that runs through a cut is there afterwards", { agentOnly }, async (bench) => {
  const command = ["sh", "-c", "echo answered; sleep 600"];
  const id = await bench.docker.ok(["run", "-d", "--rm", "bb", ...command]);
  try {
    await using logs = bench.docker.spawn(["logs", "-f", id]);
    // A request that is still unanswered would be asked again, and the logs would go on.
    await logs.waitFor(/answered/);
    await bench.rig.verb("drop-sessions");
    await heals(bench);
    assertEquals(await bench.docker.ok(["inspect", "-f", "{{.State.Running}}", id]), "true");
  } finally {
    await bench.direct.run(["rm", "-f", id]);
  }
});

test(
  "sshd restarted with every session dropped: the agent reconnects",
  { agentOnly },
  async (bench) => {
    await bench.docker.ok(["ps"]);
    await bench.rig.verb("restart-sshd");
    assertEquals((await bench.docker.run(["ps"])).code, 0, "open sessions outlive the listener");
    await bench.rig.verb("drop-sessions");
    await heals(bench);
  },
);

test("sshd away: told as 503, found again when it is back", { agentOnly, flags }, async (bench) => {
  await bench.rig.verb("stop-sshd");
  try {
    await bench.rig.verb("drop-sessions");
    const options = { timeoutMs: TOLD_WITHIN_MS };
    const answer = await until("503", async () => {
      const found = await request(bench.agent.socket, "GET /containers/json", options);
      return found.status === 503 ? found : undefined;
    });
    assert(typeof JSON.parse(answer.body).message === "string");
  } finally {
    await bench.rig.verb("start-sshd");
  }
  await heals(bench);
});

test("a request lost on the way gets 502", { agentOnly }, async (bench) => {
  const id = await deaf(bench.direct);
  try {
    const line = `POST /v1.41/containers/${id}/stop?t=600`;
    const lost = request(bench.agent.socket, line, { timeoutMs: TOLD_WITHIN_MS });
    const stopping = async () => {
      const events = await bench.direct.run([
        ...["events", "--since", "1m", "--until", "0s", "--filter", `container=${id}`],
      ]);
      return events.stdout.includes("container kill");
    };
    await until("the engine has the request", stopping);
    await bench.rig.verb("drop-sessions");
    const answer = await lost;
    assertEquals(answer.status, 502, answer.head);
    assert(typeof JSON.parse(answer.body).message === "string");
  } finally {
    await bench.direct.run(["rm", "-f", id]);
  }
});

test(
  "dockerd away: told, not hidden by a cached _ping; found again",
  { agentOnly },
  async (bench) => {
    assertEquals((await request(bench.agent.socket, "GET /_ping")).status, 200);
    await bench.rig.verb("stop-dockerd");
    try {
      const options = { timeoutMs: TOLD_WITHIN_MS };
      const honest = async () =>
        (await request(bench.agent.socket, "GET /_ping", options)).status >= 500;
      await until("_ping tells that the engine is away", honest);
      const { code, stderr } = await bench.docker.run(["ps"], options);
      assert(code !== 0, stderr);
      const answer = await request(bench.agent.socket, "GET /containers/json", options);
      assert(answer.status === 502 || answer.status === 503, answer.head);
      assert(typeof JSON.parse(answer.body).message === "string");
    } finally {
      await bench.rig.verb("start-dockerd");
    }
    await heals(bench);
  },
);

test("the whole host rebooted: found again", { agentOnly }, async (bench) => {
  await bench.rig.verb("reboot");
  await heals(bench);
});

test("a link with delay, jitter and loss still works", async ({ rig, docker }) => {
  await rig.verb("shape", "delay", "20ms", "jitter", "5ms", "loss", "0.5%");
  try {
    assertEquals(await docker.ok(["run", "--rm", "bb", "echo", "slow"]), "slow");
    const all = Array.from({ length: 20 }, () => docker.run(["ps"]));
    assertEquals((await Promise.all(all)).filter(({ code }) => code !== 0), []);
  } finally {
    await rig.verb("unshape");
  }
});
