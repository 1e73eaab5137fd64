/** A signal ends the agent in order: nothing new, what runs may finish, nothing is left behind. */
import {
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "../support/assert.ts";
import { startAgent } from "../support/agent.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { exists } from "../support/exists.ts";
import { until } from "../support/poll.ts";
import { deaf } from "../support/deaf.ts";
import { request } from "../support/raw_http.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const agentOnly = true;

/** The users of SSH sessions on the remote host. */
async function sessions(rig: Rig): Promise<string[]> {
  const list = await rig.verb("exec", "ps", "-e", "-o", "user=,args=");
  return list.split("\n").filter((line) => line.includes(`sshd: ${rig.user}`));
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test.bare(`${signal} leaves no socket, process or session`, { agentOnly }, async (rig) => {
    const agent = await startAgent(rig, { "shutdown-timeout": "600s" });
    try {
      await request(agent.socket, "GET /version");
      const idle = await Deno.connect({ transport: "unix", path: agent.socket });
      agent.kill(signal);
      assertEquals(await agent.wait(), 0, agent.log);
      idle.close();
      assertEquals(exists(agent.socket), false);
      await assertRejects(() => Deno.connect({ port: agent.port }), Deno.errors.ConnectionRefused);
      await until("the sessions are gone", async () => (await sessions(rig)).length === 0);
    } finally {
      await agent.stop();
    }
  });
}

test.bare("a request in flight may finish, a new one is refused", { agentOnly }, async (rig) => {
  await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const agent = await startAgent(rig, { "shutdown-timeout": "300s" });
  const id = await direct.ok(["run", "-d", "--rm", "bb", "sleep", "600"]);
  try {
    await using docker = await agent.docker(defaultCli());
    await using waiting = docker.spawn(["wait", id]);
    await agent.waitForLog(/\/wait/);
    agent.kill("SIGTERM");
    await until("the agent stops listening", async () => (await docker.run(["ps"])).code !== 0);
    await direct.ok(["kill", id]);
    assertEquals([await waiting.wait(), waiting.stdout], [0, "137\n"], waiting.output);
    assertEquals(await agent.wait(), 0, agent.log);
  } finally {
    await agent.stop();
    await direct.run(["rm", "-f", id]);
  }
});

test.bare(
  "what does not finish is cut off after --shutdown-timeout",
  { agentOnly },
  async (rig) => {
    const agent = await startAgent(rig, { "shutdown-timeout": "1s" });
    try {
      await using docker = await agent.docker(defaultCli());
      await using events = docker.spawn(["events"]);
      await agent.waitForLog(/\/events/);
      agent.kill("SIGTERM");
      await agent.wait();
      await events.wait();
      assertEquals(exists(agent.socket), false);
    } finally {
      await agent.stop();
    }
  },
);

test.bare(
  "who reads a stream then is told why it ends, and gets no good exit",
  { agentOnly },
  async (rig) => {
    await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
    const agent = await startAgent(rig, { "shutdown-timeout": "1s" });
    const script = "while :; do echo tick; sleep 1; done";
    const id = await direct.ok(["run", "-d", "--rm", "bb", "sh", "-c", script]);
    try {
      await using docker = await agent.docker(defaultCli());
      await using exec = docker.spawn(["exec", id, "sh", "-c", "echo begun; sleep 600"]);
      await using attach = docker.spawn(["attach", id]);
      await using logs = docker.spawn(["logs", "-f", id]);
      await using terminal = await docker.terminal([
        "exec",
        "-it",
        id,
        "sh",
        "-c",
        "echo begun; sleep 600",
      ]);
      for (const each of [exec, terminal]) await each.waitFor(/begun/);
      for (const each of [attach, logs]) await each.waitFor(/tick/);
      agent.kill("SIGTERM");
      for (const each of [exec, attach, logs]) {
        assertNotEquals(await each.wait(), 0);
        assertEquals(each.stderr.split("the program is shutting down").length, 2, each.stderr);
      }
      assertNotEquals(await terminal.wait(), 0);
      assertStringIncludes(terminal.screen, "the program is shutting down");
      assertEquals(await agent.wait(), 0);
    } finally {
      await agent.stop();
      await direct.run(["rm", "-f", id]);
    }
  },
);

test.bare("who waits for an answer then is told why there is none", { agentOnly }, async (rig) => {
  await using direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const agent = await startAgent(rig, { "shutdown-timeout": "1s" });
  // The engine answers when it has ended.
  const id = await deaf(direct);
  try {
    await using docker = await agent.docker(defaultCli());
    await using stopping = docker.spawn(["stop", "-t", "60", id]);
    await until("it is asked for", async () => {
      const events = await direct.ok([
        "events",
        "--since",
        "1m",
        "--until",
        "0s",
        "--filter",
        `container=${id}`,
      ]);
      return events.includes("container kill");
    });
    agent.kill("SIGTERM");
    assertEquals(await stopping.wait(), 1);
    assertStringIncludes(stopping.stderr, "remote-docker-agent is shutting down");
    assertEquals(await agent.wait(), 0);
  } finally {
    await agent.stop();
    await direct.run(["rm", "-f", id]);
  }
});

test.bare("a second signal ends the agent at once", { agentOnly }, async (rig) => {
  const agent = await startAgent(rig, { "shutdown-timeout": "600s" });
  try {
    await using docker = await agent.docker(defaultCli());
    await using events = docker.spawn(["events"]);
    await agent.waitForLog(/\/events/);
    agent.kill("SIGTERM");
    await until("the agent stops listening", async () => (await docker.run(["ps"])).code !== 0);
    agent.kill("SIGTERM");
    await agent.wait();
    await events.wait();
    assertEquals(exists(agent.socket), false);
  } finally {
    await agent.stop();
  }
});
