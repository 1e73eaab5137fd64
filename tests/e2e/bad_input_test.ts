/** Bad input: one line with a hint, an exit code of its own, nothing left behind. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "../support/assert.ts";
import { flagList, rigFlags, spawnAgent } from "../support/agent.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import type { Rig } from "../support/rig.ts";
import { EXIT_CODES } from "../../lib/errors.ts";

const test = await endToEnd();
const agentOnly = true;

/** What is wrong, in a directory made for the case. */
interface BadInput {
  name: string;
  /** Flags that replace those of a working agent; a function when they depend on the rig. */
  flags: (rig: Rig, directory: string) => Record<string, string> | Promise<Record<string, string>>;
  code: number;
  /** What the line must name. */
  says: RegExp;
  /** How the line tells what to do. Default: a clause of its own. */
  hint?: RegExp;
  /** Files the case itself leaves in the directory. */
  own?: string[];
}

const CASES: readonly BadInput[] = [
  {
    name: "a host where nothing listens",
    flags: ({ address }) => ({ "ssh-host": `${address}:1` }),
    code: EXIT_CODES.unreachable,
    says: /10\.231\.\d+\.2:1\b.*refused/i,
  },
  {
    name: "a key the host does not take",
    flags: ({ keyDenied }) => ({ "ssh-key": keyDenied }),
    code: EXIT_CODES.authentication,
    says: /dev@/,
  },
  {
    name: "a user the host does not know",
    flags: () => ({ "ssh-user": "nobody-here" }),
    code: EXIT_CODES.authentication,
    says: /nobody-here/,
  },
  {
    name: "a key file that is not there",
    flags: (_, directory) => ({ "ssh-key": `${directory}/no-such-key` }),
    code: EXIT_CODES.authentication,
    says: /no-such-key/,
  },
  {
    name: "a key file that is not a key",
    flags: async (_, directory) => {
      await Deno.writeTextFile(`${directory}/not-a-key`, "hello\n", { mode: 0o600 });
      return { "ssh-key": `${directory}/not-a-key` };
    },
    code: EXIT_CODES.authentication,
    says: /not-a-key/,
    own: ["not-a-key"],
  },
  {
    name: "a socket that is not on the remote host",
    flags: () => ({ "remote-docker": "unix:///run/no-such.sock" }),
    code: EXIT_CODES.engine,
    says: /\/run\/no-such\.sock/,
  },
  {
    name: "a user without permission on the socket",
    flags: () => ({ "ssh-user": "plain" }),
    code: EXIT_CODES.engine,
    says: /plain.*group docker|docker group.*plain|usermod.*docker/i,
  },
  {
    name: "a configuration file that is not YAML",
    flags: async (_, directory) => {
      await Deno.writeTextFile(`${directory}/bad.yaml`, 'ssh_user: dev\nssh_host: "open\n');
      return { "config": `${directory}/bad.yaml` };
    },
    code: EXIT_CODES.config,
    says: /bad\.yaml/,
    own: ["bad.yaml"],
  },
  {
    name: "a configuration file with an unknown key",
    flags: async (_, directory) => {
      await Deno.writeTextFile(`${directory}/bad.yaml`, "ssh_usr: dev\n");
      return { "config": `${directory}/bad.yaml` };
    },
    code: EXIT_CODES.config,
    says: /ssh_usr.*ssh_user/,
    own: ["bad.yaml"],
  },
  {
    name: "a configuration file that is not there",
    flags: (_, directory) => ({ "config": `${directory}/none.yaml` }),
    code: EXIT_CODES.config,
    says: /none\.yaml/,
  },
  {
    name: "a flag that does not exist",
    flags: () => ({ "ssh-usr": "dev" }),
    code: EXIT_CODES.usage,
    says: /ssh-usr.*ssh-user/,
  },
  {
    name: "a duration that is none",
    flags: () => ({ "timeout": "soon" }),
    code: EXIT_CODES.usage,
    says: /timeout.*soon|soon.*timeout/,
    hint: /expected a duration such as 10s/,
  },
  {
    name: "a listen address that is none",
    flags: () => ({ "listen": "ftp://somewhere" }),
    code: EXIT_CODES.usage,
    says: /ftp:\/\/somewhere/,
  },
  {
    name: "a listen address others could reach",
    flags: () => ({ "listen": `0.0.0.0:${freePort()}` }),
    code: EXIT_CODES.usage,
    says: /allow-remote-clients/,
  },
];

/** Everything a user sees at the default log level. */
async function endOf(rig: Rig, directory: string, flags: Record<string, string>) {
  const all: Record<string, string> = {
    ...rigFlags(rig),
    "listen": `unix://${directory}/docker.sock`,
    "log-level": "error",
    ...flags,
  };
  await using child = spawnAgent(["start", ...flagList(all)]);
  const code = await child.wait();
  return { code, lines: child.output.split("\n").filter((line) => line !== "") };
}

for (const { name, flags, code, says, hint = /; \S+/, own = [] } of CASES) {
  test.bare(`told in one line: ${name}`, { agentOnly }, async (rig) => {
    const directory = await Deno.makeTempDir({ prefix: "rda-bad-" });
    try {
      const end = await endOf(rig, directory, await flags(rig, directory));
      assertEquals([end.code, end.lines.length], [code, 1], end.lines.join("\n"));
      assertMatch(end.lines[0] ?? "", says);
      assertMatch(end.lines[0] ?? "", hint, "a hint follows the message");
      const left = [...Deno.readDirSync(directory)].map((entry) => entry.name);
      assertEquals(left.sort(), own, "left behind");
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  });
}

test.bare("told in one line: a host that does not answer", { agentOnly }, async (rig) => {
  const directory = await Deno.makeTempDir({ prefix: "rda-bad-" });
  await rig.verb("cut", "drop");
  try {
    const end = await endOf(rig, directory, {});
    assertEquals([end.code, end.lines.length], [EXIT_CODES.unreachable, 1], end.lines.join("\n"));
    assert(end.lines[0]?.includes(rig.address));
    assertEquals([...Deno.readDirSync(directory)], []);
  } finally {
    await rig.verb("heal");
    await Deno.remove(directory, { recursive: true });
  }
});

test.bare("told in one line: a port in use", { agentOnly }, async (rig) => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const listen = `127.0.0.1:${taken.addr.port}`;
  const end = await endOf(rig, "/nowhere", { listen });
  assertEquals([end.code, end.lines.length], [EXIT_CODES.listen, 1], end.lines.join("\n"));
  assert(end.lines[0]?.includes(listen), end.lines[0]);
});

test(
  "a socket another agent listens on is refused, its owner named",
  { agentOnly },
  async (bench) => {
    const listen = `unix://${bench.agent.socket}`;
    const end = await endOf(bench.rig, "/nowhere", { listen });
    assertEquals([end.code, end.lines.length], [EXIT_CODES.listen, 1], end.lines.join("\n"));
    assertMatch(end.lines[0] ?? "", new RegExp(`\\b${bench.agent.pid}\\b`));
    await bench.docker.ok(["ps"]);
  },
);

test.bare("a stale socket file is replaced, any other file is not", { agentOnly }, async (rig) => {
  const directory = await Deno.makeTempDir({ prefix: "rda-bad-" });
  try {
    const path = `${directory}/docker.sock`;
    await Deno.writeTextFile(path, "mine");
    const end = await endOf(rig, directory, {});
    assertNotEquals(end.code, 0);
    assertEquals(await Deno.readTextFile(path), "mine");
    await Deno.remove(path);
    Deno.listen({ transport: "unix", path }).close();
    const flags = { ...rigFlags(rig), "listen": `unix://${path}` };
    await using child = spawnAgent(["start", ...flagList(flags)]);
    await child.waitFor(/DOCKER_HOST/);
    assertEquals((await Deno.stat(path)).mode! & 0o777, 0o600);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
