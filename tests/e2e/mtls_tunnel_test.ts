/** `tunnel`, `sync` with a URL and certificates that change, against a guest on the rig. */
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { spawnAgent, startAgent } from "../support/agent.ts";
import { Certificates } from "../support/certificates.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { goByGuest } from "../support/mtls_way.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";
import { currentWay } from "../support/way.ts";

const PORT = 8446;
await goByGuest(PORT, () => true);
const test = await endToEnd();

/** The server and the parameters of a URL that leads to the guest. */
function way({ address }: Rig): { server: string; query: string } {
  const flags = currentWay()?.flags ?? {};
  const query = ["cert", "key", "ca"].map((name) => `${name}=${flags[`ts-${name}`]}`).join("&");
  return { server: `tstunnel://${address}:${PORT}`, query };
}

test.bare(
  "a tunnel leads to the engine's socket, and to a port",
  { agentOnly: true },
  async (rig) => {
    const { server, query } = way(rig);
    await using socket = spawnAgent(["tunnel", "0", `${server}/unix:${rig.dockerSocket}?${query}`]);
    const [, port] = await socket.waitFor(/^127\.0\.0\.1:(\d+)$/m);
    await using docker = await DockerCli.open(defaultCli(), `tcp://127.0.0.1:${port}`);
    assertEquals(await docker.ok(["run", "--rm", "bb", "echo", "hi"]), "hi");

    const container = await docker.ok(["run", "-d", "-p", "127.0.0.1:0:80", "bb:httpd"]);
    const remote = (await docker.ok(["port", container, "80"])).split(":").at(-1);
    const local = freePort();
    await using web = spawnAgent([
      "tunnel",
      `127.0.0.1:${local}`,
      `${server}/tcp:127.0.0.1:${remote}?${query}`,
    ]);
    await web.waitFor(/^127\.0\.0\.1:\d+$/m);
    await until("the page comes", async () => {
      const answer = await fetch(`http://127.0.0.1:${local}/`).catch(() => undefined);
      return (await answer?.text())?.includes("hello from") === true;
    });
    await docker.ok(["rm", "-f", container]);
    assertEquals([await web.stop(), await socket.stop()], [0, 0]);
  },
);

test.bare("a mistake in a URL is one line", { agentOnly: true }, async (rig) => {
  const { server, query } = way(rig);
  const cases: [string, RegExp, number][] = [
    [`${server}/app?${query}`, /it leads to no tcp:HOST:PORT/, 2],
    [`${server}/tcp:a:1?cert=x`, /Missing key= in the URL/, 2],
    [`${server}/tcp:a:1`, /give cert= in the URL or ca= in the URL/, 4],
    [
      `${server}/tcp:a:1?ca=${currentWay()?.flags["ts-ca"]}`,
      /client certificate|without an answer/,
      5,
    ],
  ];
  for (const [url, message, code] of cases) {
    await using child = spawnAgent(["tunnel", "0", url]);
    assertEquals(await child.wait(), code, child.output);
    assertMatch(child.stderr, message);
  }
});

test.bare("sync takes a URL, there and back", { agentOnly: true }, async (rig) => {
  const { server, query } = way(rig);
  const local = await Deno.makeTempDir({ prefix: "rda-sync-url-" });
  const remote = `/home/${rig.user}/synced-${crypto.randomUUID().slice(0, 8)}`;
  try {
    await Deno.writeTextFile(`${local}/here`, "from here");
    const sync = async () => {
      await using child = spawnAgent(["sync", local, `${server}${remote}?${query}`]);
      assertEquals(await child.wait(), 0, child.output);
    };
    await sync();
    assertEquals(await Deno.readTextFile(`${rig.root}${remote}/here`), "from here");
    await Deno.writeTextFile(`${rig.root}${remote}/there`, "from there");
    await sync();
    assertEquals(await Deno.readTextFile(`${local}/there`), "from there");
  } finally {
    await Deno.remove(local, { recursive: true });
  }
});

test.bare(
  "certificates that change are used without a restart",
  { agentOnly: true },
  async (rig) => {
    const flags = currentWay()?.flags ?? {};
    const directory = await Deno.makeTempDir({ prefix: "rda-reload-" });
    try {
      const files = { certFile: `${directory}/client.pem`, keyFile: `${directory}/client.key` };
      await Deno.copyFile(flags["ts-cert"] ?? "", files.certFile);
      await Deno.copyFile(flags["ts-key"] ?? "", files.keyFile);
      await using agent = await startAgent(rig, {
        "ts-cert": files.certFile,
        "ts-key": files.keyFile,
      });
      await using docker = await agent.docker(defaultCli());
      const stranger = await new Certificates(directory).authority("stranger");
      await Deno.copyFile(stranger.keyFile, files.keyFile);
      await docker.ok(["run", "--rm", "bb", "true"]);
      await until("the new key is looked at", async () => {
        await docker.ok(["run", "--rm", "bb", "true"]);
        return agent.logSoFar.output.includes("cannot be used: The client key");
      });
      await Deno.copyFile(flags["ts-key"] ?? "", files.keyFile);
      await until("the old key is taken again", async () => {
        await docker.ok(["run", "--rm", "bb", "true"]);
        return agent.logSoFar.output.includes(
          "Certificate files have changed; new connections use the new ones",
        );
      });
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

test.bare("a wrong authority is named at the start", { agentOnly: true }, async (rig) => {
  const directory = await Deno.makeTempDir({ prefix: "rda-authority-" });
  try {
    const { certFile } = await new Certificates(directory).authority("other");
    const error = await assertRejects(() => startAgent(rig, { "ts-ca": certFile }), Error);
    assert(error instanceof Error);
    assertMatch(error.message, /from an unknown authority; .*--ts-ca/);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
