/** Several remote hosts in one program: each is on its own, whatever happens to the others. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { hostEntry, HostsAgent, removeContainers, secondRig } from "../support/hosts.ts";
import { pause, until } from "../support/poll.ts";
import { fetchPort } from "../support/published.ts";
import { unsupported } from "../support/rig.ts";

const test = await endToEnd();
const other = unsupported() === undefined ? await secondRig() : undefined;

/** Runs of `docker ps` for one median. */
const SAMPLES = 21;
/** The median may be so much more while the other host is cut off: who is held up waits for seconds. */
const WORSE = 3;
/** The machine has other work: one undisturbed measurement shows what there is to see. */
const ATTEMPTS = 10;

test.bare(
  "two hosts are served by their names, and shown by them",
  { agentOnly: true },
  async (rig) => {
    assert(other !== undefined);
    const config = { hosts: [hostEntry("gpu", rig), hostEntry("prod", other)] };
    await using agent = await HostsAgent.start(config, ["gpu", "prod"]);
    const gpu = await agent.docker("gpu"), prod = await agent.docker("prod");
    const names = await Promise.all([gpu, prod].map((cli) => cli.ok(["info", "-f", "{{.Name}}"])));
    assertEquals(new Set(names).size, 2);
    const port = freePort();
    try {
      await prod.ok(["run", "-d", "--name", "web", "-p", `${port}:80`, "bb:httpd"]);
      assertStringIncludes(await fetchPort(port), "hello");
      const status = await agent.run(["status"]);
      assertEquals(status.code, 0, status.stderr);
      assertMatch(status.stdout, /Host +gpu \(ssh:\/\/.*\) is up/);
      assertMatch(status.stdout, /prod \(ssh:\/\/.*\) is up/);
      assertMatch(status.stdout, /Port .* to web:80\/tcp on prod, live/);
      const forwards = await agent.run(["forwards", "--json"]);
      assertEquals(JSON.parse(forwards.stdout)[0].forwards[0].host, "prod");
    } finally {
      await removeContainers(other);
    }
  },
);

test.bare("a host that is away at the start delays nobody, and is served once it is there", {
  agentOnly: true,
}, async (rig) => {
  assert(other !== undefined);
  await other.verb("cut", "drop");
  try {
    const config = {
      timeout: "10s",
      reconnect_wait: "5s",
      hosts: [hostEntry("away", other), hostEntry("here", rig)],
    };
    await using agent = await HostsAgent.start(config, ["away", "here"]);
    await agent.answers("here");
    const away = await agent.docker("away");
    const { stderr } = await away.run(["version"]);
    assertStringIncludes(stderr, "The remote host is not connected");
    const status = await until("the status says so", async () => {
      const found = await agent.run(["status"]);
      return found.code === 8 && found;
    });
    assertMatch(status.stdout, /Problem +away is not connected/);
    await other.verb("heal");
    await agent.answers("away");
  } finally {
    await other.verb("heal");
  }
});

test.bare("a host that is cut off leaves the speed of the other as it was", {
  agentOnly: true,
}, async (rig) => {
  assert(other !== undefined);
  const config = { hosts: [hostEntry("gpu", rig), hostEntry("prod", other)] };
  await using agent = await HostsAgent.start(config, ["gpu", "prod"]);
  await Promise.all([agent.answers("gpu"), agent.answers("prod")]);
  const gpu = await agent.docker("gpu"), prod = await agent.docker("prod");
  await using direct = await DockerCli.open(gpu.cli, `unix://${rig.directSocket}`);
  await slowness(gpu, direct);
  const before = await slowness(gpu, direct);
  await other.verb("cut", "drop");
  await using _waiting = prod.spawn(["ps"]);
  try {
    let during = Infinity;
    for (let i = 0; i < ATTEMPTS && during > before * WORSE; i++) {
      during = Math.min(during, await slowness(gpu, direct));
    }
    console.log(
      `docker ps takes ${text(before)} of a direct one, ${text(during)} beside a cut host`,
    );
    assert(during <= before * WORSE, `${before} became ${during}`);
  } finally {
    await other.verb("heal");
  }
});

/** For 20 hosts that nobody uses, all connected. */
const MAX_IDLE_BYTES = 150e6;
/** Of 400; a program that polls for each host needs many times as many. A slow machine takes more. */
const MAX_IDLE_TICKS = 80;
const IDLE_MS = 4_000;

test.bare(
  "20 hosts cost next to nothing while nobody uses them",
  { agentOnly: true },
  async (rig) => {
    assert(other !== undefined);
    const names = Array.from({ length: 20 }, (_, at) => `host${at}`);
    const hosts = names.map((name, at) => hostEntry(name, at % 2 === 0 ? rig : other));
    await using agent = await HostsAgent.start({ hosts }, names);
    for (const name of names) await agent.answers(name);
    // What starting has left to do is done soon; it is the rest that counts.
    let used = Infinity;
    for (let i = 0; i < ATTEMPTS && used > MAX_IDLE_TICKS; i++) {
      const before = await ticks(agent.child.pid);
      await pause(IDLE_MS);
      used = await ticks(agent.child.pid) - before;
    }
    const rss = await residentBytes(agent.child.pid);
    console.log(`20 idle hosts: ${Math.round(rss / 1e6)} MB, ${used} ticks in ${IDLE_MS} ms`);
    assert(rss < MAX_IDLE_BYTES, `${rss} bytes`);
    assert(used <= MAX_IDLE_TICKS, `${used} ticks`);
  },
);

async function residentBytes(pid: number): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(status.match(/^VmRSS:\s+(\d+) kB/m)?.[1] ?? NaN) * 1024;
}

async function ticks(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  const [user, system] = stat.slice(stat.lastIndexOf(")")).split(" ").slice(12).map(Number);
  return (user ?? NaN) + (system ?? NaN);
}

/** The median of `docker ps` by that of the same past the agent, so that other load cancels out. */
async function slowness(docker: DockerCli, direct: DockerCli): Promise<number> {
  const times: [number[], number[]] = [[], []];
  for (let i = 0; i < SAMPLES; i++) {
    for (const [list, cli] of [[times[0], docker], [times[1], direct]] as const) {
      const start = performance.now();
      await cli.ok(["ps", "-q"]);
      list.push(performance.now() - start);
    }
  }
  return median(times[0]) / median(times[1]);
}

function median(times: number[]): number {
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? NaN;
}

function text(ratio: number): string {
  return `${Math.round(ratio * 100)} %`;
}
