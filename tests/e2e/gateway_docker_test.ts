/** The real docker CLI behind client certificates: through the gateway itself, and through start. */
import type { IdentityFiles } from "../../lib/net/tls/files.ts";
import { Agent, flagList, spawnAgent } from "../support/agent.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import type { Child } from "../support/child.ts";
import { uniqueName } from "../support/compare.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { GatewayHouse } from "../support/gateway.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const NAME = "localhost";

/** Everything a test of this file works with. */
interface Scene {
  readonly house: GatewayHouse;
  readonly gateway: Child;
  readonly rig: Rig;
  /** Its rights are `full`, and `looker` may look. */
  readonly alice: IdentityFiles;
  readonly looker: IdentityFiles;
}

function scene(name: string, body: (scene: Scene) => Promise<void>): void {
  test.bare(name, { agentOnly: true }, async (rig) => {
    await using house = await GatewayHouse.open();
    await house.configure(`client_ca: ${house.caFile}
hosts:
  ${NAME}: {engine: "unix://${rig.directSocket}"}
  ssh.containers.test:
    engine: ssh://${rig.user}@${rig.address}:${rig.port}${rig.dockerSocket}
    ssh_key: ${rig.key}
    ssh_known_hosts: ${rig.knownHosts}
    ssh_config: none
clients:
  - {name: alice, hosts: [${NAME}, "*.containers.test"], access: full}
  - {name: looker, hosts: ${NAME}, access: read-only}
`);
    const gateway = await house.start();
    const [alice, looker] = [await house.client("alice"), await house.client("looker")];
    try {
      await body({ house, gateway, rig, alice, looker });
    } catch (error) {
      console.log(`The end of the gateway's log:\n${gateway.soFar.output.slice(-4000)}`);
      throw error;
    }
  });
}

/** The docker CLI with a certificate, straight to the gateway. */
async function docker({ house }: Scene, { certFile, keyFile }: IdentityFiles): Promise<DockerCli> {
  const cli = await DockerCli.open(defaultCli(), `tcp://${NAME}:${house.port}`);
  const config = cli.env()["DOCKER_CONFIG"] ?? "";
  await Deno.copyFile(house.caFile, `${config}/ca.pem`);
  await Deno.copyFile(certFile, `${config}/cert.pem`);
  await Deno.copyFile(keyFile, `${config}/key.pem`);
  return cli;
}

const VARS = { DOCKER_TLS_VERIFY: "1" };

/** An agent whose remote host is behind the gateway. */
async function startBehind(
  { house }: Scene,
  { certFile, keyFile }: IdentityFiles,
  sni: string = NAME,
): Promise<Agent> {
  const directory = await Deno.makeTempDir({ prefix: "rda-agent-" });
  const socket = `${directory}/docker.sock`;
  const port = freePort();
  const flags = {
    transport: "mtls",
    "mtls-endpoint": `127.0.0.1:${house.port}`,
    "mtls-sni": sni,
    "mtls-cert": certFile,
    "mtls-key": keyFile,
    "mtls-ca": house.caFile,
    "log-level": "debug",
  };
  const listen = ["--listen", `unix://${socket}`, "--listen", `127.0.0.1:${port}`];
  const child = spawnAgent(["start", ...flagList(flags), ...listen], {
    XDG_RUNTIME_DIR: directory,
  });
  const agent = new Agent(child, directory, socket, port);
  await child.waitFor(/export DOCKER_HOST=/).catch(async (error) => {
    await agent.stop();
    throw error;
  });
  return agent;
}

scene("the docker CLI works with a certificate and nothing else", async (it) => {
  await using cli = await docker(it, it.alice);
  const ok = (...args: string[]) => cli.ok(args, { vars: VARS });
  assertMatch(await ok("version"), /Server:/);
  assertEquals(await ok("run", "--rm", "bb", "echo", "through"), "through");
  const cat = await cli.run(["run", "--rm", "-i", "bb", "sh", "-c", "cat; echo end"], {
    vars: VARS,
    stdin: "in\n",
  });
  assertEquals([cat.code, cat.stdout], [0, "in\nend\n"]);
  const failed = await cli.run(["run", "--rm", "bb", "sh", "-c", "exit 7"], { vars: VARS });
  assertEquals(failed.code, 7);
  await it.gateway.waitFor(/"POST \/v1\.\d+\/containers\/create".*"client":"alice"/);
});

scene("who may look sees everything and starts nothing", async (it) => {
  await using cli = await docker(it, it.looker);
  const run = (...args: string[]) => cli.run(args, { vars: VARS });
  assertEquals((await run("ps")).code, 0);
  assertMatch((await run("images", "-q", "bb")).stdout, /^[0-9a-f]{12}/);
  const refused = await run("run", "--rm", "bb", "true");
  assertEquals([refused.code, refused.stdout], [125, ""]);
  assertMatch(
    refused.stderr,
    /Error response from daemon: The client certificate does not allow POST \/v1\.\d+\/containers\/create/,
  );
  assertEquals((await run("rm", "-f", "whatever")).code === 0, false);
  await it.gateway.waitFor(/"client":"looker".*"status":403/);
  // Behind HTTP/2 nobody would see what it asks for.
  const upgrade = `GET /info HTTP/1.1\r\nHost: ${NAME}\r\nConnection: Upgrade, HTTP2-Settings\r\n` +
    "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n";
  assertMatch(await it.house.ask(it.looker, upgrade, NAME), /^HTTP\/1\.1 400 /);
});

scene("an engine behind SSH is one more host", async (it) => {
  const answer = await it.house.get(it.alice, "/v1.41/info", "ssh.containers.test");
  assertMatch(answer, /^HTTP\/1\.1 200 OK[\s\S]*"ServerVersion"/);
});

scene("start goes through the gateway, streams and all", async (it) => {
  await using agent = await startBehind(it, it.alice);
  await using cli = await agent.docker(defaultCli());
  const name = uniqueName("gateway");
  assertEquals(await cli.ok(["run", "--rm", "bb", "echo", "hello"]), "hello");
  await cli.ok([
    "run",
    "-d",
    "--name",
    name,
    "bb",
    "sh",
    "-c",
    "i=0; while :; do echo tick $i; i=$((i+1)); sleep 0.1; done",
  ]);
  try {
    await using pty = await cli.terminal(["exec", "-it", name, "sh"]);
    await pty.type("echo here-$((40+2))\r");
    await pty.waitFor(/here-42/);
    await pty.type("exit 5\r");
    assertEquals(await pty.wait(), 5);
    await using logs = cli.spawn(["logs", "-f", name]);
    await logs.waitFor(/tick 5/);
    await using attached = cli.spawn(["attach", "--no-stdin", "--sig-proxy=false", name]);
    await attached.waitFor(/tick \d/);
    const exec = await cli.run(["exec", "-i", name, "sh", "-c", "cat; echo after the end"], {
      stdin: "x\n",
    });
    assertEquals([exec.code, exec.stdout], [0, "x\nafter the end\n"]);
    const saved = `${it.house.directory}/image.tar`;
    await cli.ok(["save", "-o", saved, "bb"]);
    assertMatch(await cli.ok(["load", "-i", saved]), /Loaded image/);
    await Deno.writeTextFile(
      `${it.house.directory}/Dockerfile`,
      "FROM bb\nRUN echo built >/built\n",
    );
    const built = await cli.run(["build", "-q", it.house.directory], {
      vars: { DOCKER_BUILDKIT: "0" },
    });
    assertEquals(built.code, 0, built.stderr);
    await cli.run(["rmi", built.stdout.trim()]);
    // Ends the two that watch it: they would not end by being asked to.
    await cli.ok(["rm", "-f", name]);
  } finally {
    await cli.run(["rm", "-f", name]);
  }
});

scene("a session that is open when its certificate is taken out of the file ends", async (it) => {
  await using cli = await docker(it, it.alice);
  const session = cli.spawn(["run", "--rm", "-i", "bb", "cat"], { vars: VARS });
  await session.write("still here\n");
  await session.waitFor(/still here/);
  const text = await Deno.readTextFile(it.house.configFile);
  await Deno.writeTextFile(it.house.configFile, text.replace(/.*name: alice.*\n/, ""));
  it.gateway.kill("SIGHUP");
  await it.gateway.waitFor(/"Took over a new configuration".*"ended":[1-9]/);
  assert(await session.wait() >= 0);
  const later = await cli.run(["ps"], { vars: VARS });
  assertMatch(later.stderr, /The client certificate may not use/);
  await until("the container is gone", async () => {
    await using direct = await DockerCli.open(defaultCli(), `unix://${it.rig.directSocket}`);
    return await direct.ok(["ps", "-q", "--filter", "ancestor=bb"]) === "";
  });
});
