import type { StartAgent } from "../../../lib/cli/commands/start.ts";
import { run } from "../../../lib/cli/run.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../../support/assert.ts";
import { type Machine, testSystem } from "../../support/command_line.ts";

const FILE = "/home/dev/.config/remote-docker-agent/config.yaml";
const noAgent: StartAgent = () => Promise.reject(new Error("must not be started"));

async function config(args: string[], text: string, machine: Machine = {}) {
  const system = testSystem({ ...machine, files: { [FILE]: text } });
  const code = await run(["config", ...args], { startAgent: noAgent, system });
  return { code, stdout: system.stdout(), stderr: system.stderr() };
}

const HOSTS = `timeout: 3s
hosts:
  - name: gpu
    ssh: { host: gpu, user: dev }
  - { name: prod, ssh_host: prod, timeout: 4s }
`;

Deno.test("a configuration in order is one line, with the names of its hosts", async () => {
  const { code, stdout, stderr } = await config(["check"], HOSTS);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout, `The configuration is in order: 2 hosts: gpu, prod (${FILE})\n`);
});

Deno.test("every mistake is a line with its place, and no more", async () => {
  const text = `ssh_hots: x
timeout: soon
hosts:
  - { name: aa }
  - { name: bb, ssh_host: b, mode: fast }
`;
  const { code, stdout, stderr } = await config(["check"], text);
  assertEquals([code, stdout], [2, ""]);
  const lines = stderr.trimEnd().split("\n");
  assertEquals(lines.length, 3, stderr);
  assertStringIncludes(lines[0] ?? "", `${FILE}:1:1: unknown key "ssh_hots"`);
  assertMatch(stderr, /"soon" for "timeout" \(.*:2:10\)/);
  assertMatch(stderr, /"fast" for "mode" \(.*:5:36\)/);
});

Deno.test("what is misspelt is not told of as missing too", async () => {
  const { code, stderr } = await config(["check"], "ssh_hots: x\n");
  assertEquals(code, 2);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  assertStringIncludes(stderr, `${FILE}:1:1: unknown key "ssh_hots"`);
  const { stderr: missing } = await config(["check"], "timeout: 3s\n");
  assertStringIncludes(missing, "Missing --ssh-host");
});

Deno.test("what is in effect is shown as a file, and where it comes from", async () => {
  const env = { RDA_SSH_PASSPHRASE: "s3cret", RDA_WARM_CONNECTIONS: "2" };
  const { stdout } = await config(["show", "--origin", "--max-connections=9"], HOSTS, { env });
  assertMatch(stdout, new RegExp(`^timeout: "3s" +# "timeout" \\(${FILE}:1:10\\)$`, "m"));
  assertMatch(stdout, /^warm_connections: 2 +# environment variable RDA_WARM_CONNECTIONS$/m);
  assertMatch(stdout, /^max_connections: 9 +# --max-connections$/m);
  assertMatch(stdout, /^mode: "http" +# default$/m);
  assertMatch(stdout, /^ssh_passphrase: "\*\*\*" +# environment variable RDA_SSH_PASSPHRASE$/m);
  assertMatch(stdout, /^ {2}- name: gpu$/m);
  assertMatch(stdout, new RegExp(`^ {4}ssh_user: "dev" +# "user" \\(${FILE}:4:29\\)$`, "m"));
  assertMatch(stdout, /^ {4}timeout: "4s"/m);
  assertEquals(stdout.includes("s3cret"), false);
});

Deno.test("what is in effect is shown as JSON, and where it comes from", async () => {
  const { stdout } = await config(["show", "--json"], HOSTS);
  const { values, hosts } = JSON.parse(stdout);
  const timeout = values.find((each: { key: string }) => each.key === "timeout");
  assertEquals(timeout, { key: "timeout", value: "3s", origin: `"timeout" (${FILE}:1:10)` });
  assertEquals(hosts.map((host: { name: string }) => host.name), ["gpu", "prod"]);
});

Deno.test("what is shown can be read again", async () => {
  const { stdout } = await config(
    ["show"],
    "ssh_host: dev@gpu\nlisten: [127.0.0.1:1, 127.0.0.1:2]\n",
  );
  const again = await config(["check"], stdout);
  assertEquals([again.code, again.stderr], [0, ""]);
});
