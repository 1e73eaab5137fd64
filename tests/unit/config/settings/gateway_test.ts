/** The gateway's configuration: by a file, by flags, and what is wrong with either. */
import { parseCommandLine } from "../../../../lib/cli/args.ts";
import { loadValues } from "../../../../lib/config/load.ts";
import { gatewayLoader } from "../../../../lib/config/settings/gateway.ts";
import { AgentError } from "../../../../lib/errors.ts";
import { DEFAULT_LIMITS, type GatewayConfig } from "../../../../lib/gateway/config.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { testSystem } from "../../../support/command_line.ts";

const FILE = `
listen: 0.0.0.0:8443
cert: gateway.pem
key: /etc/keys/gateway.key
client_ca: [ca.pem, ca-next.pem]
hosts:
  GPU.containers.example.net:
    engine: unix:///var/run/docker.sock
    guest: http://127.0.0.1:8080
    guest_token_file: ~/token
  build.containers.example.net:
    engine: ssh://dev@build.internal:2222/run/docker.sock
    ssh_key: build.key
  far.containers.example.net:
    engine: tls://far.internal:2376
    cert: far.pem
    key: far.key
    ca: far-ca.pem
    guest: https://[::1]
clients:
  - name: [alice, ci-*]
    hosts: "*.containers.example.net"
    access: full
    guest: all
  - spiffe: spiffe://example.net/orgs/acme/users/*
    hosts: [gpu.containers.example.net]
    access: read-only
    allow: POST /containers/{id}/restart
    guest: [tunnel]
limits:
  connections_per_client: 7
  header_timeout: 3s
`;

async function load(args: readonly string[], file?: string): Promise<GatewayConfig> {
  const system = testSystem(file === undefined ? {} : { files: { "/etc/gateway.yaml": file } });
  const flags = file === undefined ? args : ["--gateway-config", "/etc/gateway.yaml", ...args];
  const invocation = parseCommandLine(["gateway", ...flags], system.cwd);
  assert(invocation.kind === "run");
  const loaded = await loadValues({ ...system, ...invocation });
  return await gatewayLoader(loaded, system.place, system.readFile)();
}

Deno.test("a file says it all, with paths from where it is", async () => {
  const config = await load([], FILE);
  assertEquals(config.listen, { kind: "tcp", host: "0.0.0.0", port: 8443 });
  assertEquals(config.identity, { certFile: "/etc/gateway.pem", keyFile: "/etc/keys/gateway.key" });
  assertEquals(config.authorityFiles, ["/etc/ca.pem", "/etc/ca-next.pem"]);
  assertEquals(config.limits, { ...DEFAULT_LIMITS, connectionsPerClient: 7, headerMs: 3000 });
  assertEquals(config.hosts.get("gpu.containers.example.net"), {
    engine: { kind: "unix", path: "/var/run/docker.sock" },
    guest: { kind: "tcp", host: "127.0.0.1", port: 8080 },
    guestTokenFile: "/home/dev/token",
  });
  const ssh = config.hosts.get("build.containers.example.net")?.engine;
  assert(ssh?.kind === "ssh");
  const { host, user, port, keyFiles, remoteDocker } = ssh.settings;
  assertEquals([host, user, port, keyFiles], ["build.internal", "dev", 2222, ["/etc/build.key"]]);
  assertEquals(remoteDocker, { kind: "unix", path: "/run/docker.sock" });
  const extras = {
    identity: { certFile: "/etc/far.pem", keyFile: "/etc/far.key" },
    caFile: "/etc/far-ca.pem",
  };
  assertEquals(config.hosts.get("far.containers.example.net"), {
    engine: { kind: "tls", host: "far.internal", port: 2376, ...extras },
    guest: { kind: "tls", host: "::1", port: 443, ...extras },
  });
  assertEquals(config.rules.map(({ access, guest }) => [access, [...guest]]), [
    ["full", ["exec", "copy", "tunnel", "listen"]],
    ["read-only", ["tunnel"]],
  ]);
});

const FLAGS = [
  ...["--gateway-host", "gpu.example", "--allow-client", "alice"],
  ...["--tls-cert", "c", "--tls-key", "k", "--client-ca", "/ca"],
];

Deno.test("flags make a gateway of one host", async () => {
  const config = await load([...FLAGS, "--gateway-guest", "http://127.0.0.1:8080"]);
  assertEquals(config.listen, { kind: "tcp", host: "0.0.0.0", port: 443 });
  assertEquals([...config.hosts], [["gpu.example", {
    engine: { kind: "unix", path: "/var/run/docker.sock" },
    guest: { kind: "tcp", host: "127.0.0.1", port: 8080 },
  }]]);
  assertEquals(config.authorityFiles, ["/ca"]);
  assertEquals([...config.rules[0]?.guest ?? []], ["exec", "copy", "tunnel", "listen"]);
  const looking = await load([...FLAGS, "--gateway-access", "read-only"]);
  assertEquals([...looking.rules[0]?.guest ?? []], []);
});

Deno.test("what flags say comes before what the file says", async () => {
  const text = "hosts: {a.example: {engine: 'tcp://127.0.0.1:80'}}\n";
  const flags = ["--tls-cert", "/c", "--tls-key", "/k", "--client-ca", "/ca"];
  const config = await load(flags, text);
  assertEquals([config.identity.certFile, config.rules], ["/c", []]);
  const other = await load(["--listen", "127.0.0.1:1", "--client-ca", "/ca"], FILE);
  assertEquals([other.listen.port, other.authorityFiles], [1, ["/ca"]]);
  assertEquals(other.identity.certFile, "/etc/gateway.pem");
  assertEquals(config.hosts.get("a.example")?.engine, { kind: "tcp", host: "127.0.0.1", port: 80 });
});

Deno.test("what is wrong in a file is named with line and column", async () => {
  const head = "cert: c\nkey: k\nclient_ca: ca\n";
  const host = "hosts: {a.example: {engine: unix:///x}}\n";
  const cases: [string, string][] = [
    ["", "it is empty"],
    ["[]", 'gateway.yaml:1:1: expected "key: value" lines'],
    [`${head}${host}hoist: 1`, 'gateway.yaml:5:1: unknown key "hoist"'],
    [`${head}hosts: {}`, "There are no hosts"],
    [`${head}hosts: {a.example: {engin: x}}`, 'gateway.yaml:4:21: unknown key "engin"'],
    [`${head}hosts: {a.example: {guest_token_file: x}}`, "A host has an engine or a guest"],
    [
      `${head}hosts: {a.example: {engine: unix:///x, guest_token_file: x}}`,
      '"guest_token_file" is of no use: there is no guest',
    ],
    [
      `${head}hosts: {a.example: {engine: unix:///x, ssh_key: x}}`,
      'gateway.yaml:4:49: "ssh_key" is of no use: no address begins with ssh://',
    ],
    [
      `${head}hosts: {a.example: {engine: unix:///x, guest: "http://h:1", ca: x}}`,
      '"ca" is of no use: no address begins with tls:// or https://',
    ],
    [`${head}hosts: {a b: {engine: unix:///x}}`, 'gateway.yaml:4:9: "a b" is not a host name'],
    [`${head}hosts: {192.0.2.1: {engine: unix:///x}}`, "is not a host name"],
    [
      `${head}hosts: {a.example: {engine: ftp://x}}`,
      'gateway.yaml:4:29: "ftp://x" is not the addr',
    ],
    [`${head}hosts: {a.example: {engine: tcp://x}}`, "is not an address"],
    [`${head}hosts: {a.example: {guest: ssh://x}}`, "is not the address of a guest"],
    [`${head}hosts: {a.example: {engine: unix:///x, cert: c}}`, 'Missing "key", which "cert"'],
    [`key: k\nclient_ca: ca\n${host}`, 'Missing "cert"'],
    [`cert: c\nkey: k\n${host}`, 'Missing "cert", "key" or "client_ca"'],
    [`${head}${host}clients: [{hosts: a.example}]`, 'gateway.yaml:5:11: A client has a "name"'],
    [`${head}${host}clients: [{name: a}]`, 'A client has "hosts"'],
    [`${head}${host}clients: [{name: "*", hosts: a.example}]`, '"*" is not a name'],
    [`${head}${host}clients: [{spiffe: a, hosts: a.example}]`, "begins with spiffe://"],
    [`${head}${host}clients: [{fingerprint: a, hosts: a.example}]`, "64 hex digits"],
    [`${head}${host}clients: [{name: a, hosts: b, access: reed-only}]`, "did you mean read-only?"],
    [`${head}${host}clients: [{name: a, hosts: b, allow: GET}]`, '"GET" is not a route'],
    [`${head}${host}clients: [{name: a, hosts: b, allow: PSOT /x}]`, '"PSOT /x" is not a route'],
    [`${head}${host}clients: [{name: a, hosts: b}]`, 'A client has "access", "allow" or "guest"'],
    [`${head}${host}clients: [{name: a, hosts: b, guest: root}]`, "expected exec, copy, tunnel"],
    [`${head}${host}clients: {name: a}`, '"clients" takes a list'],
    [`${head}${host}limits: {connections: 0}`, "gateway.yaml:5:23: expected a whole number"],
    [`${head}${host}limits: {idle_timeout: soon}`, "expected a duration"],
    [`${head}${host}listen: unix:///x`, "is not HOST:PORT"],
    [`${head}${host}listen: &a x`, "gateway.yaml:5:"],
    [`${head}${host}listen: `, 'Missing value for "listen"'],
    [`${head}${host}${host}`, "gateway.yaml:5:1"],
  ];
  for (const [text, message] of cases) {
    const error = await assertRejects(() => load([], text), AgentError, message);
    assertEquals((error as AgentError).kind, "config", text);
  }
});

Deno.test("flags that say too little or too much are named", async () => {
  const cases: [string[], string][] = [
    [[], "Missing --gateway-config"],
    [["--gateway-host", "a.example"], "Missing --allow-client"],
    [[...FLAGS, "--gateway-guest-token", "t"], "Cannot use --gateway-guest-token without"],
    [["--gateway-host", "a.example", "--allow-client", "a"], "Missing the certificates"],
    [["--tls-cert", "c"], "Missing --tls-key"],
    [[...FLAGS, "--gateway-engine", "x"], "Invalid value for --gateway-engine"],
    [[...FLAGS, "--gateway-guest", "ftp://x"], "Invalid value for --gateway-guest"],
    [[...FLAGS, "--listen", "127.0.0.1:1", "--listen", "127.0.0.1:2"], "listens on one address"],
    [[...FLAGS, "--listen", "unix:///x"], "Invalid value for --listen"],
  ];
  for (const [args, message] of cases) {
    await assertRejects(() => load(args), AgentError, message);
  }
  await assertRejects(() => load(["--allow-client", "a"], FILE), AgentError, "Cannot use --allow");
});
