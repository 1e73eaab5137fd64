import { guestPlace, guestSettings } from "../../../../lib/config/settings/guest.ts";
import { hostCommand, hostExecWay } from "../../../../lib/config/settings/host_exec.ts";
import { type Loaded, loadValues } from "../../../../lib/config/load.ts";
import { parseCommandLine } from "../../../../lib/cli/args.ts";
import { AgentError } from "../../../../lib/errors.ts";
import type { GuestOptions } from "../../../../lib/guest/guest.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../../support/assert.ts";
import { type Machine, testSystem } from "../../../support/command_line.ts";

async function load(args: readonly string[], machine: Machine = {}): Promise<Loaded> {
  const { place, cwd, isTerminal, readFile } = testSystem(machine);
  const invocation = parseCommandLine(args, cwd);
  assert(invocation.kind === "run");
  const { command, flags } = invocation;
  return await loadValues({ command, flags, place, cwd, isTerminal, readFile });
}

async function guest(args: readonly string[], machine: Machine = {}): Promise<GuestOptions> {
  const { place } = testSystem(machine);
  return guestSettings(await load(["guest", ...args], machine), guestPlace(place));
}

Deno.test("a guest listens on this machine alone unless it is told otherwise", async () => {
  const here = (port: number) => ({ kind: "tcp", host: "127.0.0.1", port }) as const;
  assertEquals((await guest([])).listen, [here(8080)]);
  assertEquals((await guest(["--port", "9090"])).listen, [here(9090)]);
  assertEquals((await guest(["--listen", "unix:///run/g"])).listen, [{
    kind: "unix",
    path: "/run/g",
  }]);
  assertEquals((await guest(["--listen", "0.0.0.0:1", "--port", "2"])).listen, [
    here(2),
    { kind: "tcp", host: "0.0.0.0", port: 1 },
  ]);
});

Deno.test("a guest's clients may do what the flags say", async () => {
  const usual = await guest([]);
  assertEquals(usual.copyRoots, ["/home/dev", "/tmp"]);
  assertEquals(usual.allowTunnels, ["*"]);
  assertEquals(usual.allowListen, ["tcp:127.0.0.1:*", "tcp:[::1]:*", "tcp:docker0:*"]);
  assertEquals((await guest(["--allow-listen", "none"])).allowListen, []);
  assertEquals((await guest(["--allow-tunnel", "none"])).allowTunnels, []);
  const tunnels = [
    "tcp:*",
    "tcp:db:*",
    "tcp:[::1]:80",
    "udp:*:53",
    "tcp:10.*",
    "unix:*",
    "unix:/r/*",
  ];
  const flags = tunnels.flatMap((pattern) => ["--allow-tunnel", pattern]);
  assertEquals((await guest(flags)).allowTunnels, tunnels);
  const narrow = ["tcp:[::1]:80", "tcp:br-*:3000", "tcp:eth0:30*"];
  const asked = narrow.flatMap((pattern) => ["--allow-listen", pattern]);
  assertEquals((await guest(asked)).allowListen, narrow);
  assertEquals([usual.allowAnonymous, usual.allowedNames], [false, []]);
  assertEquals((await guest([], { env: { TMPDIR: "/var/tmp" } })).copyRoots[1], "/var/tmp");
  const tls = ["--tls-cert", "c", "--tls-key", "k", "--client-ca", "a"];
  const options = await guest([
    ...tls,
    ...["--allowed-cns", "alice, bob", "--allowed-cns", "carol"],
    ...["--copy-root", "up", "--allow-tunnel", "tcp:db:*", "--max-copy-size", "1MB"],
    ...["--max-commands", "0", "--max-connections", "7", "--token-file", "t"],
  ]);
  assertEquals(options.identity, { certFile: "/project/c", keyFile: "/project/k" });
  assertEquals([options.clientCaFile, options.tokenFile], ["/project/a", "/project/t"]);
  assertEquals(options.allowedNames, ["alice", "bob", "carol"]);
  assertEquals([options.copyRoots, options.allowTunnels], [["/project/up"], ["tcp:db:*"]]);
  const { maxCopyBytes, maxCommands, maxConnections } = options.limits;
  assertEquals([maxCopyBytes, maxCommands, maxConnections], [1_000_000, 0, 7]);
});

const BAD_GUESTS: readonly [args: readonly string[], message: string][] = [
  [["--tls-cert", "c"], "Missing --tls-key, which --tls-cert needs"],
  [["--tls-key", "k"], "Missing --tls-cert, which --tls-key needs"],
  [["--client-ca", "a"], "Cannot use --client-ca without --tls-cert"],
  [["--allowed-cns", "alice"], "Cannot use --allowed-cns without --client-ca"],
  [["--allow-tunnel", "db:80"], 'Invalid value "db:80" for --allow-tunnel'],
  [["--allow-tunnel", "tcp:db"], 'Invalid value "tcp:db" for --allow-tunnel'],
  [["--allow-tunnel", "unix:run/x"], 'Invalid value "unix:run/x" for --allow-tunnel'],
  [["--allow-tunnel=none", "--allow-tunnel=*"], 'Invalid value "none" for --allow-tunnel'],
  [["--allow-listen", "3000"], 'Invalid value "3000" for --allow-listen'],
  [["--allow-listen=tcp:docker0"], 'Invalid value "tcp:docker0" for --allow-listen'],
  [["--allow-listen=udp:lo:53"], 'Invalid value "udp:lo:53" for --allow-listen'],
  [["--allow-listen=none", "--allow-listen=*"], 'Invalid value "none" for --allow-listen'],
];

for (const [args, message] of BAD_GUESTS) {
  Deno.test(`flags of a guest that do not go together: ${args[0]}`, async () => {
    await assertRejects(() => guest(args), AgentError, message);
  });
}

async function wayOf(args: readonly string[], machine: Machine = {}) {
  return hostExecWay(await load(["host-exec", ...args, "--", "ls"], machine));
}

Deno.test("certificates decide about TLS and the port", async () => {
  const plain = await wayOf(["--server-addr", "gpu"]);
  assert(plain.kind === "guest");
  assertEquals([plain.endpoint.port, plain.endpoint.tls, plain.host], [80, undefined, "gpu:80"]);
  const ca = await wayOf(["--server-addr", "gpu", "--ca", "/ca"]);
  assert(ca.kind === "guest");
  assertEquals([ca.endpoint.port, ca.endpoint.tls], [443, { caFile: "/ca" }]);
  const named = await wayOf(["--server-addr", "[::1]:8443", "--cert", "/c", "--key", "/k"]);
  assert(named.kind === "guest");
  assertEquals([named.endpoint.host, named.host], ["::1", "[::1]:8443"]);
  assertEquals(named.endpoint.tls, { certFile: "/c", keyFile: "/k" });
  assertEquals(named.endpoint.insecure, false);
});

Deno.test("a timeout holds for a server as it does for SSH", async () => {
  const there = await wayOf(["--server-addr", "gpu", "--timeout", "3s"]);
  assert(there.kind === "guest");
  assertEquals(there.endpoint.timeoutMs, 3_000);
  const ssh = await wayOf(["--ssh-host", "gpu", "--timeout", "3s"]);
  assert(ssh.kind === "ssh");
  assertEquals(ssh.ssh.connectTimeoutMs, 3_000);
});

Deno.test("without a server the command goes over SSH", async () => {
  const way = await wayOf(["--ssh-host", "dev@gpu:2222", "--ssh-key", "/k"]);
  assert(way.kind === "ssh");
  assertEquals([way.ssh.host, way.ssh.keyFiles], ["dev@gpu:2222", ["/k"]]);
  // A host in the environment is for other commands as well.
  const env = { RDA_SSH_HOST: "gpu" };
  assertEquals((await wayOf(["--server-addr", "x"], { env })).kind, "guest");
});

const BAD_WAYS: readonly [args: readonly string[], message: string][] = [
  [[], "Missing --server-addr"],
  [["--server-addr", "a", "--ssh-host", "b"], "Cannot use --server-addr together with --ssh-host"],
  [["--server-addr", "a", "--cert", "/c"], "Missing --key, which --cert needs"],
  [["--server-addr", "a", "--key", "/k"], "Missing --cert, which --key needs"],
  [["--server-addr", "a", "--ssh-key", "k"], "Cannot use --server-addr together with --ssh-key"],
  [["--ssh-host", "b", "--insecure"], "Cannot use --insecure without --server-addr"],
  [["--ssh-host", "b", "--ca", "/a"], "Cannot use --ca without --server-addr"],
];

for (const [args, message] of BAD_WAYS) {
  Deno.test(`flags of host-exec that do not go together: ${args.join(" ")}`, async () => {
    await assertRejects(() => wayOf(args), AgentError, message);
  });
}

Deno.test("variables have the value given, or the one here, or are left out", () => {
  const values = { env: ["A=1", "B", "C", "D="], tty: false, workdir: undefined };
  assertEquals(hostCommand(["ls"], values, { B: "2" }), {
    words: ["ls"],
    envs: ["A=1", "B=2", "D="],
    tty: false,
  });
  assertThrows(() => hostCommand(["ls"], { ...values, env: ["=1"] }, {}), AgentError, "--env");
});
