/** `forwards`: the local ports of the agents that run, as a table and as JSON. */
import { rigFlags, spawnAgent, startAgent } from "../support/agent.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePorts } from "../support/free_ports.ts";
import { cleanup, fetchPort, HAS_IPV6, WEB } from "../support/published.ts";

const test = await endToEnd();
const agentOnly = true;

function placesIn(home: string) {
  return { HOME: home, XDG_RUNTIME_DIR: home };
}

/** Runs `forwards` as a user whose programs announce themselves in `home`. */
async function forwards(home: string, ...args: string[]) {
  await using child = spawnAgent(["forwards", ...args], placesIn(home));
  const code = await child.wait();
  return { code, text: child.output };
}

test.bare(
  "forwards tells what arrives here, and that nobody is there",
  { agentOnly },
  async (rig) => {
    const home = await Deno.makeTempDir({ prefix: "rda-home-" });
    try {
      const nobody = await forwards(home);
      assertEquals(nobody.code, 4, nobody.text);
      assertStringIncludes(nobody.text, "No remote-docker-agent is running");
      const [port = 0, plain = 0] = freePorts(2);
      const flags = { forward: `${plain}:127.0.0.1:22` };
      await using agent = await startAgent(rig, flags, placesIn(home));
      await using docker = await agent.docker("debian");
      const name = uniqueName("listed");
      await using _ = cleanup(docker, [name]);
      await docker.ok(["run", "-d", "--name", name, "-p", `${port}:80`, ...WEB]);
      await fetchPort(port);
      const { code, text } = await forwards(home);
      assertEquals(code, 0, text);
      assertMatch(
        text,
        /^CONTAINER +REQUESTED +LOCAL +REMOTE +CONNECTIONS +SENT +RECEIVED +STATE$/m,
      );
      assertMatch(
        text,
        new RegExp(
          `^${name} +${port}:80/tcp +127.0.0.1:${port}(, \\[::1\\]:${port})? +127.0.0.1:\\d+ .* live$`,
          "m",
        ),
      );
      assertMatch(text, new RegExp(`^${plain}:127.0.0.1:22 .* 127.0.0.1:22 +0 of 0 .* live$`, "m"));
      const [first] = JSON.parse((await forwards(home, "--json")).text);
      assertEquals([first.pid, first.hosts.length], [agent.pid, 1]);
      const web = first.forwards.find((each: { container: string }) => each.container === name);
      assert(web.connections.total >= 1 && web.bytes.received > 0, JSON.stringify(web));
      const twin = HAS_IPV6 ? `[::1]:${port}` : undefined;
      assertEquals([web.local, web.local_twin], [`127.0.0.1:${port}`, twin]);
      assertStringIncludes(first.hosts[0], rigFlags(rig)["ssh-user"] ?? "");
    } finally {
      await Deno.remove(home, { recursive: true });
    }
  },
);
