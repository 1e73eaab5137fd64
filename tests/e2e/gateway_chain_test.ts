/** A gateway in front of another one, and what a client learns of a host that is not there. */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { GatewayHouse } from "../support/gateway.ts";

Deno.test("a host may be behind another gateway", async () => {
  await using far = await GatewayHouse.open();
  await far.configure(`client_ca: ${far.caFile}
hosts: {localhost: {engine: "unix://${far.engine("far")}"}}
clients: [{name: near-gateway, hosts: localhost, access: full}]
`);
  await far.start();
  const us = await far.client("near-gateway");
  await using near = await GatewayHouse.open();
  await near.configure(`client_ca: ${near.caFile}
hosts:
  a.containers.test:
    engine: tls://localhost:${far.port}
    cert: ${us.certFile}
    key: ${us.keyFile}
    ca: ${far.caFile}
clients: [{name: alice, hosts: a.containers.test, access: full}]
`);
  await near.start();
  const alice = await near.client("alice");
  assertMatch(
    await near.get(alice),
    /^HTTP\/1\.1 200 [\s\S]*OK from far\n[\s\S]*host: localhost\n/,
  );
  assertEquals(far.seen, ["far GET /_ping"]);
});

Deno.test("where an engine should be is said in the log and not to the client", async () => {
  await using house = await GatewayHouse.open();
  await house.configure(`client_ca: ${house.caFile}
hosts: {a.containers.test: {engine: "unix://${house.directory}/nobody.sock"}}
clients: [{name: alice, hosts: a.containers.test, access: full}]
`);
  const gateway = await house.start();
  const answer = await house.get(await house.client("alice"));
  assertMatch(
    answer,
    /^HTTP\/1\.1 503 [\s\S]*The engine of \\"a\.containers\.test\\" cannot be reached/,
  );
  assert(!answer.includes("nobody.sock"), answer);
  await gateway.waitFor(/"Cannot reach the engine of a host".*nobody\.sock/);
});

Deno.test("requests under way are finished before the gateway ends", async () => {
  await using house = await GatewayHouse.open();
  const path = `${house.directory}/slow.sock`;
  const asked = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const engine = Deno.serve({ path, onListen: () => {} }, async () => {
    asked.resolve();
    await go.promise;
    return new Response("finished");
  });
  await house.configure(`client_ca: ${house.caFile}
hosts: {a.containers.test: {engine: "unix://${path}"}}
clients: [{name: alice, hosts: a.containers.test, access: full}]
`);
  const gateway = await house.start({ shutdownTimeout: "10m" });
  const alice = await house.client("alice");
  const idle = await house.connect(alice);
  const busy = await house.connect(alice);
  busy.write("GET /_ping HTTP/1.1\r\nHost: a.containers.test\r\n\r\n");
  await asked.promise;
  gateway.kill("SIGTERM");
  assertEquals(await idle.rest(), "");
  go.resolve();
  assertMatch(await busy.rest(), /200 OK[\s\S]*finished$/);
  assertEquals(await gateway.wait(), 0);
  await engine.shutdown();
});
