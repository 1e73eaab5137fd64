/** Published ports through the faults of others: a restarted engine, a lost connection. */
import { assert, assertEquals, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePorts } from "../support/free_ports.ts";
import { pause, until } from "../support/poll.ts";
import { cleanup, fetchPort, isRefused, WEB, webOn } from "../support/published.ts";

const test = await endToEnd();
const agentOnly = true;
/** How long the link is cut: long enough for keepalive to notice, too long for anybody to wait. */
const CUT_MS = 15_000;

test("an engine that restarts brings its containers' ports back", { agentOnly }, async (bench) => {
  const { docker, rig } = bench;
  const names = [uniqueName("always"), uniqueName("once")];
  const [always = 0, once = 0] = freePorts(2);
  await using _ = cleanup(docker, names);
  const run = (name: string | undefined, port: number, ...rest: string[]) =>
    docker.ok(["run", "-d", "--name", name ?? "", "-p", `${port}:80`, ...rest, ...WEB]);
  await run(names[0], always, "--restart=always");
  await run(names[1], once);
  await fetchPort(once);
  await rig.verb("restart-dockerd");
  await until("the port of the container that is started again", async () => {
    return (await fetchPort(always)).length === 12;
  });
  await until("the other port is given back", () => isRefused(once));
});

test("a lost connection: listeners stay, and lead on", { agentOnly }, async (bench) => {
  const { docker, rig } = bench;
  const [name, port] = [uniqueName("lost"), freePorts(1)[0] ?? 0];
  await using _ = cleanup(docker, [name]);
  const id = await docker.ok(["run", "-d", "--name", name, "-p", `${port}:80`, ...WEB]);
  assertEquals(await fetchPort(port), id.slice(0, 12));
  await rig.verb("drop-sessions");
  assert(!await isRefused(port));
  assertEquals(await fetchPort(port), id.slice(0, 12));
  await docker.ok(["stop", "-t", "0", name]);
  await until("the port is given back", () => isRefused(port));
});

test("what happened while the agent could not see is made up for", { agentOnly }, async (bench) => {
  const { docker, direct, rig } = bench;
  const names = [uniqueName("stopped"), uniqueName("moved")];
  const [gone = 0, stays = 0] = freePorts(2);
  await using _ = cleanup(direct, names);
  for (const [index, port] of [gone, stays].entries()) {
    await docker.ok(["run", "-d", "--name", names[index] ?? "", "-p", `${port}:80`, ...WEB]);
  }
  await rig.verb("stop-sshd");
  await rig.verb("drop-sessions");
  await direct.ok(["stop", "-t", "0", ...names]);
  await direct.ok(["start", names[1] ?? ""]);
  await rig.verb("start-sshd");
  await until("the port of the stopped one is given back", () => isRefused(gone));
  const id = await direct.ok(["inspect", "-f", "{{.Id}}", names[1] ?? ""]);
  assertEquals(await fetchPort(stays), id.slice(0, 12));
});

test(
  "a link cut in mid-download: listeners stay, new clients get through",
  { agentOnly },
  async (bench) => {
    const { docker, rig } = bench;
    const name = uniqueName("cut");
    const [web = 0, endless = 0] = freePorts(2);
    await using _ = cleanup(docker, [name]);
    const command = `nc -ll -p 81 -e cat /dev/zero & ${webOn(80, "here")}`;
    const publish = ["-p", `${web}:80`, "-p", `${endless}:81`];
    await docker.ok(["run", "-d", "--name", name, ...publish, "bb", "sh", "-c", command]);
    assertEquals(await fetchPort(web), "here");
    using download = await Deno.connect({ hostname: "127.0.0.1", port: endless });
    const buffer = new Uint8Array(64 * 1024);
    assert(await download.read(buffer) !== null, "the download has begun");
    await rig.verb("cut", "drop");
    try {
      await pause(CUT_MS);
    } finally {
      await rig.verb("heal");
    }
    assert(!await isRefused(web), "the listener has stayed");
    await until("a new connection gets through", async () => await fetchPort(web) === "here");
    assertStringIncludes(await docker.ok(["port", name, "80"]), `127.0.0.1:${web}`);
  },
);
