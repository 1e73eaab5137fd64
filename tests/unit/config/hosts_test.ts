import { parseCommandLine } from "../../../lib/cli/args.ts";
import { chooseHost, loadConfiguration, loadSettings } from "../../../lib/config/configuration.ts";
import { readFileContents } from "../../../lib/config/file/file.ts";
import { describeRemote } from "../../../lib/config/settings/settings.ts";
import { AgentError, describeError } from "../../../lib/errors.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "../../support/assert.ts";
import { type Machine, testSystem } from "../../support/command_line.ts";

const FILE = "/home/dev/.config/remote-docker-agent/config.yaml";

const TWO = `hosts:
  - name: gpu
    listen: ["127.0.0.1:2375", "unix://~/.docker/run/gpu.sock"]
    ssh: { host: "gpu.example.com:22", user: dev, key: ~/.ssh/id_ed25519, known_hosts: k }
    remote_docker: unix:///var/run/docker.sock
  - name: prod
    listen: 127.0.0.1:2376
    mtls: { endpoint: "gateway.example.com:443", cert: c.pem, key: k.pem, sni: prod.test }
`;

async function load(text: string, args: string[] = [], machine: Machine = {}, errors?: string[]) {
  const { place, cwd, isTerminal, readFile } = testSystem({ ...machine, files: { [FILE]: text } });
  const invocation = parseCommandLine(args, cwd);
  assert(invocation.kind === "run");
  const { command, flags } = invocation;
  const sources = { command, flags, place, cwd, isTerminal, readFile };
  if (errors === undefined) return await loadConfiguration(sources);
  return await loadConfiguration(sources, (error) => errors.push(describeError(error)));
}

Deno.test("each host of a file has its own settings, in groups of keys or without", async () => {
  const { hosts: [gpu, prod], isNamed } = await load(TWO);
  assert(gpu !== undefined && prod !== undefined);
  assertEquals([isNamed, gpu.name, prod.name], [true, "gpu", "prod"]);
  assertEquals(gpu.listen, ["127.0.0.1:2375", "unix:///home/dev/.docker/run/gpu.sock"]);
  assertEquals(describeRemote(gpu), "ssh://dev@gpu.example.com:22");
  assertEquals(gpu.sshKeys, ["/home/dev/.ssh/id_ed25519"]);
  assertEquals(gpu.sshKnownHosts, ["/home/dev/.config/remote-docker-agent/k"]);
  assertEquals([prod.transport, prod.mtls?.serverName], ["mtls", "prod.test"]);
  assertEquals(gpu.origins["ssh-user"].where, `"user" (${FILE}:4:46)`);
});

Deno.test("values outside of hosts are the defaults of every host, variables outdo both", async () => {
  const text = `timeout: 3s\nssh_user: all\nlog_level: warn\nhosts:
  - { name: aa, ssh_host: one }
  - { name: bb, ssh_host: two, ssh: { user: own }, timeout: 4s }
`;
  const { hosts: [aa, bb], program } = await load(text);
  assertEquals([aa?.sshUser, aa?.timeoutMs], ["all", 3000]);
  assertEquals([bb?.sshUser, bb?.timeoutMs], ["own", 4000]);
  assertEquals(program.logLevel, "warn");
  const loud = await load(text, ["--timeout=5s"], { env: { RDA_SSH_USER: "env" } });
  assertEquals(loud.hosts.map((host) => [host.sshUser, host.timeoutMs]), [
    ["env", 5000],
    ["env", 5000],
  ]);
});

Deno.test("a host that does not say where to listen has a private socket by its name", async () => {
  const text = "hosts:\n  - { name: gpu, ssh_host: gpu }\n";
  const here = await load(text, [], { env: { XDG_RUNTIME_DIR: "/run/user/1" } });
  assertEquals(here.hosts[0]?.listen, ["unix:///run/user/1/remote-docker-agent/gpu.sock"]);
});

Deno.test("a flag that leads to a host leaves those of the file out", async () => {
  const { hosts, isNamed, leavesOutHosts } = await load(TWO, ["--ssh-host=other"]);
  assertEquals([hosts.length, isNamed, leavesOutHosts], [1, false, true]);
  assertEquals([hosts[0]?.sshHost, hosts[0]?.name], ["other", undefined]);
  assertEquals(hosts[0]?.listen, ["127.0.0.1:2375"]);
});

Deno.test("hosts on one machine keep their state apart", async () => {
  const text = `hosts:
  - { name: aa, ssh_host: dev@gpu }
  - { name: bb, ssh_host: dev@gpu, remote_docker: /run/other.sock }
  - { name: cc, ssh_host: dev@cpu }
`;
  const { hosts } = await load(text);
  const state = "/home/dev/.local/state/remote-docker-agent";
  assertEquals(hosts.map(({ stateFolder }) => stateFolder), [state, `${state}/hosts/bb`, state]);
});

Deno.test("time to exit is for the program, and means that hosts connect on demand", async () => {
  const text = "idle_exit: 10m\nhosts:\n  - { name: aa, ssh_host: a }\n" +
    "  - { name: bb, ssh_host: b, on_demand: false }\n";
  const { program, hosts } = await load(text);
  assertEquals(program.idleExitMs, 600_000);
  assertEquals(hosts.map(({ onDemand }) => onDemand), [true, false]);
});

const BAD: [string, string][] = [
  ["hosts: gpu\n", 'c.yaml:1:8: "hosts" takes a list'],
  ["hosts: []\n", 'c.yaml:1:8: "hosts" takes a list'],
  ["hosts:\n  - gpu\n", "c.yaml:2:5: a host is written as"],
  ["hosts:\n  - ssh_host: a\n", 'c.yaml:2:5: a host needs a name; write "name: gpu"'],
  ["hosts:\n  - name: a b\n", 'c.yaml:2:11: invalid name "a b" for a host'],
  ["hosts:\n  - name: default\n", '"default" is the name of docker\'s own context'],
  ["hosts:\n  - name: aa\n  - name: aa\n", 'another host is called "aa", at c.yaml:2:11'],
  [
    "hosts:\n  - {name: aa, ssh_hots: x}\n",
    'c.yaml:2:16: unknown key "ssh_hots"; did you mean ssh_host',
  ],
  ["hosts:\n  - {name: aa, ssh: {hots: x}}\n", 'unknown key "hots"; did you mean host'],
  ["hosts:\n  - {name: aa, ssh: x}\n", '"ssh" takes a group of keys'],
  ["hosts:\n  - {name: aa, log_level: warn}\n", '"log_level" is for the whole program'],
  ["hosts:\n  - {name: aa, host: x}\n", '"host" is for the whole program'],
  ["hosts:\n  - {name: aa, ssh: {host: a}, ssh_host: b}\n", 'sets the same option as "host"'],
  ["host: x\nhostss: 1\n", 'c.yaml:2:1: unknown key "hostss"; did you mean hosts'],
];

Deno.test("a mistake in a host is one line with its place", () => {
  for (const [text, expected] of BAD) {
    const error = assertThrows(() => readFileContents(text, "c.yaml", "/etc"), AgentError);
    assertStringIncludes(describeError(error), expected);
  }
});

Deno.test("hosts that do not go together are refused by name", async () => {
  const clash = "hosts:\n  - { name: aa, ssh_host: a, listen: 127.0.0.1:1 }\n" +
    "  - { name: bb, ssh_host: b, listen: tcp://127.0.0.1:1 }\n";
  const both = await assertRejects(() => load(clash), AgentError);
  assertStringIncludes(both.message, '"aa" and "bb" would both listen on 127.0.0.1:1');
  for (const line of ["forward: 5432:db:5432", "socks: 127.0.0.1:1080", "listen: 127.0.0.1:1"]) {
    const shared =
      `${line}\nhosts:\n  - { name: aa, ssh_host: a }\n  - { name: bb, ssh_host: b }\n`;
    const error = await assertRejects(() => load(shared), AgentError);
    assertStringIncludes(error.message, `, by "${line.split(":")[0]}" (${FILE}:1:`);
  }
  const none = await assertRejects(() => load("hosts:\n  - name: aa\n"), AgentError);
  assertStringIncludes(none.message, `Host "aa" (${FILE}:2:11): Missing --ssh-host`);
});

Deno.test("a host has one way to it: two are refused, and both are named", async () => {
  const message = async (entry: string) => {
    const text = `hosts:\n  - name: gpu\n    ssh_host: a\n${entry}`;
    return describeError(await assertRejects(() => load(text), AgentError));
  };
  const guest = await message("    ts_server: b\n");
  assertStringIncludes(guest, `Host "gpu" (${FILE}:2:11): Cannot use "ssh_host" (${FILE}:3:15)`);
  assertStringIncludes(guest, `with the tstunnel transport, chosen by "ts_server" (${FILE}:4:16)`);
  assertStringIncludes(guest, "; leave out one of the two");
  const gateway = "    mtls: { endpoint: g, cert: c, key: k }\n";
  assertStringIncludes(
    await message(gateway),
    `Cannot use "endpoint" (${FILE}:4:23) with the ssh transport, chosen by "ssh_host" (${FILE}:3:15)`,
  );
  assertStringIncludes(await message(`    transport: mtls\n${gateway}`), 'Cannot use "ssh_host"');
  // What is above the hosts is for all of them, and for those alone that have a use for it.
  const mixed = "ssh_user: dev\nhosts:\n  - { name: gpu, ts_server: b }\n";
  assertEquals((await load(mixed)).hosts[0]?.transport, "tstunnel");
});

Deno.test("all mistakes of a file are found at once", async () => {
  const text = `timeout: soon
ssh_hots: x
hosts:
  - { name: aa, ssh_host: a, mode: fast }
  - { name: bb }
  - { name: cc, ssh_host: c }
`;
  const errors: string[] = [];
  await load(text, [], {}, errors).catch((error) => errors.push(describeError(error)));
  const found = [...new Set(errors)];
  for (const part of ['"ssh_hots"', '"soon"', '"fast"']) {
    assertEquals(found.filter((line) => line.includes(part)).length, 1, found.join("\n"));
  }
});

Deno.test("a host is chosen by its name, or because there is no other", async () => {
  const two = await load(TWO);
  assertEquals(chooseHost(two, "prod").name, "prod");
  const which = assertThrows(() => chooseHost(two), AgentError);
  assertStringIncludes(describeError(which), "name one of gpu, prod");
  assertEquals(chooseHost(await load("ssh_host: gpu\n")).sshHost, "gpu");
});

Deno.test("a host that nobody knows is named before anything else, with those that are known", async () => {
  const unknown = async (text: string, args: string[] = []) => {
    const { place, cwd, isTerminal, readFile } = testSystem({ files: { [FILE]: text } });
    const invocation = parseCommandLine(args, cwd);
    assert(invocation.kind === "run");
    const sources = { ...invocation, place, cwd, isTerminal, readFile };
    const error = await assertRejects(() => loadSettings(sources, "cpu"), AgentError);
    return describeError(error);
  };
  const message = 'There is no host "cpu" in the configuration; ';
  assertEquals(await unknown(TWO), `${message}the hosts are gpu, prod`);
  // Nothing says where any host is.
  assertEquals(await unknown(""), `${message}list it under "hosts" in ${FILE}`);
  for (const text of [TWO, ""]) {
    assertEquals(
      await unknown(text, ["--ssh-host", "elsewhere"]),
      `${message}--ssh-host leads to a host without a name; leave one of the two out`,
    );
  }
});

Deno.test("the example in the documentation is in order", async () => {
  const page = await Deno.readTextFile(new URL("../../../docs/hosts.md", import.meta.url));
  const [, example = ""] = /```yaml\n(.*?)```/s.exec(page) ?? [];
  const { hosts } = await load(example, [], { env: { XDG_RUNTIME_DIR: "/run/user/1" } });
  assertEquals(
    hosts.map((host) => [host.name, host.transport, host.timeoutMs, host.onDemand]),
    [
      ["gpu", "ssh", 5000, false],
      ["prod", "mtls", 5000, false],
      ["guest", "tstunnel", 5000, false],
      [
        "lab",
        "ssh",
        5000,
        true,
      ],
    ],
  );
});
