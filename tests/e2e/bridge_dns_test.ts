/**
 * Names that go through the bridge are resolved on the remote host alone. The agent and curl run with
 * a resolver that counts its questions and answers none, in a mount namespace of their own.
 */
import { createSocket } from "node:dgram";
import { cleanEnvironment, flagList, rigFlags } from "../support/agent.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { Browser, chromiumPath } from "../support/chromium.ts";
import { Child, runCommand } from "../support/child.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import { programCommand } from "../support/program.ts";
import { cleanup, webOn } from "../support/published.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };
const LOOPBACK = "127.0.0.1";
/** Of its own, so that it takes nobody's port 53. */
const RESOLVER = "127.53.53.53";
const DNS_PORT = 53;

interface Resolver extends AsyncDisposable {
  /** Names that were asked for. */
  readonly asked: Set<string>;
  /** Runs a command that knows no other resolver; what goes before it on the command line. */
  readonly prefix: readonly string[];
}

/** Notes each question and says that there is no such name (RFC 1035, section 4.1.1). */
async function resolver(): Promise<Resolver> {
  const asked = new Set<string>();
  const socket = createSocket("udp4");
  socket.on("message", (question, from) => {
    asked.add(nameIn(question));
    const answer = Uint8Array.from(question);
    answer[2] = 0x81;
    answer[3] = 0x83;
    socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((ready, fail) => {
    socket.once("error", fail);
    socket.bind(DNS_PORT, RESOLVER, ready);
  });
  const directory = await Deno.makeTempDir({ prefix: "rda-dns-" });
  await Deno.writeTextFile(`${directory}/resolv.conf`, `nameserver ${RESOLVER}\n`);
  await Deno.writeTextFile(`${directory}/hosts`, "127.0.0.1 localhost\n");
  await Deno.writeTextFile(`${directory}/nsswitch.conf`, "hosts: files dns\n");
  const mounts = ["resolv.conf", "hosts", "nsswitch.conf"]
    .map((name) => `[ ! -e /etc/${name} ] || mount --bind ${directory}/${name} /etc/${name}`);
  return {
    asked,
    prefix: ["--mount", "sh", "-ec", `${mounts.join("; ")}; exec "$@"`, "sh"],
    async [Symbol.asyncDispose]() {
      await new Promise<void>((done) => socket.close(() => done()));
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** The name in a question: labels with their lengths, after a head of 12 bytes. */
function nameIn(question: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 12; (question[at] ?? 0) > 0; at += 1 + (question[at] ?? 0)) {
    const end = at + 1 + (question[at] ?? 0);
    labels.push(new TextDecoder().decode(question.subarray(at + 1, end)));
  }
  return labels.join(".");
}

interface Bridged extends AsyncDisposable {
  readonly resolver: Resolver;
  readonly socks: number;
  readonly http: number;
  curl(...args: string[]): Promise<string>;
}

async function bridged(rig: Rig, rule: string): Promise<Bridged> {
  const dns = await resolver();
  const directory = await Deno.makeTempDir({ prefix: "rda-agent-" });
  const [socks, http] = [freePort(), freePort()];
  const flags = {
    ...rigFlags(rig),
    listen: `unix://${directory}/docker.sock`,
    socks: `${LOOPBACK}:${socks}`,
    "http-proxy": `${LOOPBACK}:${http}`,
    "bridge-rule": rule,
  };
  const env = {
    ...cleanEnvironment(),
    XDG_RUNTIME_DIR: directory,
    // The runtime looks for its own releases now and then.
    DENO_NO_UPDATE_CHECK: "1",
  };
  const command = [...programCommand(), "start", ...flagList(flags)];
  const agent = new Child("unshare", [...dns.prefix, ...command], { env });
  const dispose = async () => {
    await agent.stop();
    await Deno.remove(directory, { recursive: true });
    await dns[Symbol.asyncDispose]();
  };
  try {
    await agent.waitFor(/Listening on unix/);
  } catch (error) {
    await dispose();
    throw error;
  }
  return {
    resolver: dns,
    socks,
    http,
    async curl(...args) {
      const command = ["curl", "-q", "-sS", "--max-time", "90", ...args];
      const { stdout, stderr } = await runCommand("unshare", [...dns.prefix, ...command]);
      return stdout.trim() || stderr.trim();
    },
    [Symbol.asyncDispose]: dispose,
  };
}

/** A name in the remote host's own list, and a server behind it that nothing is published of. */
async function onlyThere(rig: Rig, name: string): Promise<AsyncDisposable> {
  const direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
  const hosts = `${rig.root}/etc/hosts`;
  const before = await Deno.readTextFile(hosts);
  const page = "<title>from over there</title>";
  await direct.ok(["run", "-d", "--name", "web", "bb", "sh", "-c", webOn(80, `"${page}"`)]);
  const template = "{{.NetworkSettings.IPAddress}}";
  const address = await direct.ok(["inspect", "-f", template, "web"]);
  await Deno.writeTextFile(hosts, `${before.trimEnd()}\n${address} ${name}\n`);
  return {
    async [Symbol.asyncDispose]() {
      await Deno.writeTextFile(hosts, before);
      await cleanup(direct, ["web"])[Symbol.asyncDispose]();
      await direct[Symbol.asyncDispose]();
    },
  };
}

test.bare("names are resolved over there, and never here", agentOnly, async (rig) => {
  await using _there = await onlyThere(rig, "only-there.internal");
  await using bridge = await bridged(rig, "*.here.invalid=direct");
  const { resolver, socks, http } = bridge;
  const ways = [
    ["--socks5-hostname", `${LOOPBACK}:${socks}`],
    ["-x", `http://${LOOPBACK}:${http}`],
    ["-p", "-x", `http://${LOOPBACK}:${http}`],
  ];
  for (const host of ["only-there.internal", "web.docker"]) {
    for (const way of ways) {
      await until(
        `${host} by ${way[0]}`,
        async () => /from over there/.test(await bridge.curl(...way, `http://${host}/`)),
      );
    }
  }
  for (const way of ways) await bridge.curl(...way, "http://nowhere.invalid/");
  assertEquals([...resolver.asked], []);
  // The resolver does see what is asked from here.
  assertMatch(await bridge.curl(...ways[1] ?? [], "http://a.here.invalid/"), /Cannot connect/);
  assertEquals([...resolver.asked].every((name) => name.startsWith("a.here.invalid")), true);
  assertEquals(resolver.asked.size > 0, true);
});

const path = chromiumPath();
if (path === undefined) {
  Deno.test.ignore("a browser with the PAC file [skipped: no Chromium is installed]", () => {});
} else {
  test.bare("a browser with the PAC file", agentOnly, async (rig) => {
    await using _there = await onlyThere(rig, "only-there.internal");
    await using bridge = await bridged(rig, "*.docker=through");
    const pac = `--proxy-pac-url=http://${LOOPBACK}:${bridge.http}/proxy.pac`;
    for (const url of ["http://web.docker/", "http://only-there.internal/"]) {
      await using browser = await Browser.open(path, url, { width: 800, height: 600 }, [pac]);
      await until(
        `the browser shows ${url}`,
        async () => await browser.evaluate("document.title") === "from over there",
      );
    }
  });
}
