/** A gateway tells how it is: health, metrics and status, and a line of its access log for nonsense. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { flagList, spawnAgent } from "../support/agent.ts";
import { GatewayHouse } from "../support/gateway.ts";
import { ask, askJson, opsPort } from "../support/ops.ts";
import { until } from "../support/poll.ts";

/** Two hosts, of which the second has an engine that is not there. */
function twoHosts(house: GatewayHouse): string {
  return `client_ca: ${house.caFile}
hosts:
  a.containers.test: {engine: "unix://${house.engine("a")}"}
  b.containers.test: {engine: "unix://${house.directory}/none.sock", guest: "http://127.0.0.1:1"}
clients:
  - {name: alice, hosts: "*.containers.test", access: read-only, guest: exec}
`;
}

Deno.test("what a gateway does is counted: connections, requests, refusals, hosts", async () => {
  await using house = await GatewayHouse.open();
  await house.configure(twoHosts(house));
  const { flags, url } = opsPort();
  const gateway = await house.start({ flags: flagList(flags) });
  const alice = await house.client("alice");
  assertEquals((await ask(`${url}/health`)).status, 200);
  assertEquals((await ask(`${url}/ready`)).status, 200);

  const open = await house.connect(alice);
  open.write("GET /_ping HTTP/1.1\r\nHost: a.containers.test\r\n\r\n");
  await until("it is answered", () => open.received.includes("OK from a"));
  assertMatch(await house.get(alice, "/v1.45/containers/json"), /^HTTP\/1\.1 200 /);
  assertMatch(await house.get(alice, "/v1.45/images/prune"), /^HTTP\/1\.1 403 /);
  assertMatch(await house.get(alice, "/v1.45/../info"), /^HTTP\/1\.1 400 /);
  assertMatch(await house.get(alice, "/tinyscale/v9"), /^HTTP\/1\.1 404 /);
  assertMatch(await house.get(alice, "/_ping", "b.containers.test"), /^HTTP\/1\.1 503 /);
  assertMatch(await house.get(alice, "/_ping", "x.containers.test"), /^HTTP\/1\.1 403 /);
  assertEquals(await house.get(undefined), "");
  assertEquals(await house.get(await house.stranger("alice")), "");
  await gateway.waitFor(/no authority of ours/);

  // A client has its answer before it is counted, and is gone before that is known.
  await until("all is counted", async () => {
    assertCounted(await askJson(`${url}/status`));
    return true;
  });
  assertEquals((await ask(`${url}/health`)).status, 503);
  assertEquals((await ask(`${url}/ready`)).status, 200);

  const { text, type } = await ask(`${url}/metrics`, { Accept: "text/plain" });
  assertStringIncludes(type, "version=0.0.4");
  assertMatch(text, /^rda_refused_total\{reason="certificate"\} 2$/m);
  assertMatch(text, /^rda_refused_total\{reason="requests"\} 0$/m);
  assertMatch(text, /^rda_host_requests_total\{host="a\.containers\.test",status="2xx"\} 2$/m);
  assertMatch(text, /^rda_host_connections\{host="a\.containers\.test"\} 1$/m);
  assertMatch(text, /^rda_responses_total\{operation="SystemPing",status="2xx"\} 1$/m);
  assertMatch(text, /^rda_connections_active 1$/m);
  open.close();
  await until(
    "it has left",
    async () => (await askJson(`${url}/metrics`)).active_connections === 0,
  );
});

/** The status after what the first test asks for, with one connection still open. */
// deno-lint-ignore no-explicit-any
function assertCounted(status: any): void {
  assertEquals([status.command, status.connections.active], ["gateway", 1]);
  const { refused, hosts } = status.gateway;
  assertEquals(
    [refused.certificate, refused.route, refused.target, refused.missing, refused.host],
    [2, 1, 1, 1, 1],
  );
  const own = hosts["a.containers.test"];
  assertEquals([own.connections, own.responses], [1, { "2xx": 2, "4xx": 3 }]);
  assert(own.bytes_written > 100);
  assertEquals(hosts["b.containers.test"].responses, { "5xx": 1 });
  assertEquals(hosts["x.containers.test"], undefined);
  const states = status.hosts.map(({ name, state }: { name: string; state: string }) => [
    name,
    state,
  ]);
  assertEquals(states, [
    ["a.containers.test", "up"],
    ["b.containers.test", "down"],
    ["b.containers.test (guest)", "idle"],
  ]);
}

Deno.test("status finds a gateway of the same user", async () => {
  await using house = await GatewayHouse.open();
  await house.configure(twoHosts(house));
  await house.start();
  // It looks at both, and the programs of other tests are nobody's business.
  const here = { XDG_RUNTIME_DIR: house.directory, XDG_STATE_HOME: house.directory };
  await using status = spawnAgent(["status"], here);
  assertEquals(await status.wait(), 0, status.output);
  assertMatch(status.stdout, /gateway/);
  assertMatch(status.stdout, /a\.containers\.test/);
});

const NONSENSE: readonly [bytes: string, status: number][] = [
  ["GET / HTTP/9.9\r\n\r\n", 505],
  ["\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400],
  ["GET /_ping HTTP/1.1\r\nHost: a\r\nHost : b\r\n\r\n", 400],
  ["GET /_ping HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400],
  ["SSH-2.0-OpenSSH_9.2\r\n", 400],
];

Deno.test("what is no request has its line in the access log: who, and why", async () => {
  await using house = await GatewayHouse.open();
  await house.configure(twoHosts(house));
  const { flags, url } = opsPort();
  const gateway = await house.start({ flags: flagList(flags) });
  const alice = await house.client("alice");
  for (const [bytes, status] of NONSENSE) {
    assertMatch(await house.ask(alice, bytes), new RegExp(`^HTTP/1\\.1 ${status} `));
  }
  const lines = () => gateway.soFar.lines.filter((line) => line.includes('"access"'));
  await until("all have their lines", () => lines().length >= NONSENSE.length);
  assertEquals(lines().length, NONSENSE.length);
  for (const [at, line] of lines().entries()) {
    const { client, host, status, reason, bytes, msg, message } = JSON.parse(line);
    assertEquals([client, host, status], ["alice", "a.containers.test", NONSENSE[at]?.[1]]);
    assertEquals(msg ?? message, "-");
    assert(reason.length > 5 && bytes > 50, line);
  }
  await until("all are counted", async () => {
    const { gateway: { refused } } = await askJson(`${url}/status`);
    assertEquals(refused.malformed, NONSENSE.length);
    return true;
  });
});

Deno.test("an operations server that others could reach is refused, and nothing is left", async () => {
  await using house = await GatewayHouse.open();
  await house.configure(twoHosts(house));
  const args = ["gateway", "--gateway-config", house.configFile, "--ops-listen", "0.0.0.0:0"];
  await using gateway = spawnAgent(args, { XDG_RUNTIME_DIR: house.directory });
  assert(await gateway.wait() !== 0);
  assertMatch(gateway.stderr, /Refusing to listen on "0\.0\.0\.0/);
});
