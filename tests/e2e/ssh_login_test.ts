/** The ways in: encrypted keys, ssh-agent, `ssh_config`, jump hosts, engines on TCP. */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { flagList, rigFlags, spawnAgent } from "../support/agent.ts";
import { Child, runOk } from "../support/child.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import type { Rig } from "../support/rig.ts";
import { EXIT_CODES } from "../../lib/errors.ts";

const test = await endToEnd();
const agentOnly = true;

/** One way in: flags that replace those of the rig (`undefined` removes one), and variables. */
interface Way {
  flags: Record<string, string | undefined>;
  vars?: Record<string, string>;
}

/** Starts an agent that way, in a home of its own, and runs a container through it. */
async function getsIn(rig: Rig, make: (home: string) => Promise<Way>): Promise<void> {
  await withHome(async (home) => {
    const { flags, vars = {} } = await make(home);
    const socket = `${home}/docker.sock`;
    await using agent = start(rig, flags, { HOME: home, ...vars }, socket);
    await agent.waitFor(/DOCKER_HOST/);
    await using docker = await DockerCli.open(defaultCli(), `unix://${socket}`);
    assertEquals(await docker.ok(["run", "--rm", "bb", "echo", "in"]), "in");
    assertEquals(await agent.stop(), 0, agent.output);
  });
}

function start(rig: Rig, flags: Way["flags"], vars: Record<string, string>, socket: string): Child {
  const all = Object.entries({ ...rigFlags(rig), ...flags });
  const given = all.flatMap(([name, value]) => value === undefined ? [] : [[name, value]]);
  const args = ["start", ...flagList(Object.fromEntries(given)), "--listen", `unix://${socket}`];
  return spawnAgent(args, vars);
}

async function withHome(body: (home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "rda-home-" });
  try {
    await Deno.mkdir(`${home}/.ssh`, { mode: 0o700 });
    await body(home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

/** The rig's key, encrypted. */
async function encryptedKey(rig: Rig, home: string, passphrase: string): Promise<string> {
  const path = `${home}/encrypted`;
  await Deno.copyFile(rig.key, path);
  await Deno.chmod(path, 0o600);
  await runOk("ssh-keygen", ["-q", "-p", "-P", "", "-N", passphrase, "-f", path]);
  return path;
}

test.bare("an encrypted key, its passphrase in the environment", { agentOnly }, async (rig) => {
  await getsIn(rig, async (home) => ({
    flags: { "ssh-key": await encryptedKey(rig, home, "open sesame") },
    vars: { RDA_SSH_PASSPHRASE: "open sesame" },
  }));
});

test.bare("an encrypted key without or with a wrong passphrase", { agentOnly }, async (rig) => {
  await withHome(async (home) => {
    const flags = { "ssh-key": await encryptedKey(rig, home, "open sesame"), "log-level": "error" };
    for (const passphrase of [undefined, "wrong words"]) {
      const vars = passphrase === undefined ? {} : { RDA_SSH_PASSPHRASE: passphrase };
      await using agent = start(rig, flags, { HOME: home, ...vars }, `${home}/docker.sock`);
      assertEquals(await agent.wait(), EXIT_CODES.authentication, agent.output);
      assertMatch(agent.output, /^[^\n]*encrypted[^\n]*; [^\n]*\n$/);
      assertEquals(agent.output.includes(passphrase ?? "\0"), false, "a secret was shown");
    }
  });
});

test.bare("a key held by ssh-agent", { agentOnly }, async (rig) => {
  await withHome(async (home) => {
    const socket = `${home}/agent.sock`;
    await using keeper = new Child("ssh-agent", ["-D", "-a", socket]);
    await keeper.waitFor(/SSH_AUTH_SOCK/);
    await runOk("ssh-add", ["-q", rig.key], {
      env: { SSH_AUTH_SOCK: socket, PATH: Deno.env.get("PATH") ?? "/usr/bin" },
    });
    await getsIn(rig, () =>
      Promise.resolve({
        flags: { "ssh-key": undefined },
        vars: { SSH_AUTH_SOCK: socket },
      }));
  });
});

test.bare("a Host of ~/.ssh/config says everything", { agentOnly }, async (rig) => {
  await getsIn(rig, async (home) => {
    const known = await Deno.readTextFile(rig.knownHosts);
    await Deno.writeTextFile(`${home}/.ssh/known_hosts`, known);
    await Deno.copyFile(rig.key, `${home}/.ssh/id_of_rig`);
    await Deno.chmod(`${home}/.ssh/id_of_rig`, 0o600);
    const lines = [
      "Host gpu",
      `  HostName ${rig.address}`,
      `  User ${rig.user}`,
      "  IdentityFile ~/.ssh/id_of_rig",
      "Host *",
      "  User nobody-here",
      "  StrictHostKeyChecking yes",
    ];
    await Deno.writeTextFile(`${home}/.ssh/config`, lines.join("\n") + "\n");
    const none = undefined;
    return {
      flags: {
        "ssh-host": "gpu",
        "ssh-user": none,
        "ssh-key": none,
        "ssh-known-hosts": none,
        "ssh-config": none,
      },
    };
  });
});

test.bare("through a jump host", { agentOnly }, async (rig) => {
  await getsIn(rig, async (home) => {
    const config = `${home}/ssh_config`;
    const common = [
      `  IdentityFile ${rig.key}`,
      `  UserKnownHostsFile ${home}/known_hosts`,
      `  HostKeyAlias ${rig.address}`,
      "  StrictHostKeyChecking yes",
    ];
    // Behind the jump host, 127.0.0.1 is that host itself: there is no other way to this address.
    const lines = [
      ...["Host jump", `  HostName ${rig.address}`, "  User plain", ...common],
      ...[
        "Host inside",
        "  HostName 127.0.0.1",
        `  User ${rig.user}`,
        "  ProxyJump jump",
        ...common,
      ],
    ];
    await Deno.writeTextFile(config, lines.join("\n") + "\n");
    await Deno.copyFile(rig.knownHosts, `${home}/known_hosts`);
    const none = undefined;
    return {
      flags: {
        "ssh-host": "inside",
        "ssh-user": none,
        "ssh-key": none,
        "ssh-known-hosts": none,
        "ssh-config": config,
      },
    };
  });
});

test.bare("hashed names in known_hosts", { agentOnly }, async (rig) => {
  await getsIn(rig, async (home) => {
    const known = `${home}/hashed`;
    await Deno.copyFile(rig.knownHosts, known);
    await runOk("ssh-keygen", ["-q", "-H", "-f", known]);
    assertMatch(await Deno.readTextFile(known), /^\|1\|/m);
    return { flags: { "ssh-known-hosts": known } };
  });
});

test.bare("an engine that listens on TCP", { agentOnly }, async (rig) => {
  await rig.restartEngine(`-H unix://${rig.dockerSocket} -H tcp://127.0.0.1:2375`);
  try {
    await getsIn(
      rig,
      () => Promise.resolve({ flags: { "remote-docker": "tcp://127.0.0.1:2375" } }),
    );
  } finally {
    await rig.restartEngine("");
  }
});
