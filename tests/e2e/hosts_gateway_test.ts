/** A host behind a gateway, whose abilities are known only once it is connected. */
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";
import { GatewayHouse } from "../support/gateway.ts";
import { HostsAgent } from "../support/hosts.ts";

const test = await endToEnd();
const NAME = "localhost";

test.bare("clients of a gateway that is not there yet are told so, and served when it is", {
  agentOnly: true,
}, async (rig) => {
  await using house = await GatewayHouse.open();
  await house.configure(`client_ca: ${house.caFile}
hosts:
  ${NAME}: {engine: "unix://${rig.directSocket}"}
clients:
  - {name: alice, hosts: ${NAME}, access: full}
`);
  const { certFile: cert, keyFile: key } = await house.client("alice");
  const mtls = { endpoint: `127.0.0.1:${house.port}`, sni: NAME, cert, key, ca: house.caFile };
  const config = {
    timeout: "10s",
    reconnect_wait: "5s",
    hosts: [{ name: "gw", mtls }, { name: "later", mtls, on_demand: true }],
  };
  await using agent = await HostsAgent.start(config, ["gw", "later"]);
  const gw = await agent.docker("gw"), later = await agent.docker("later");
  assertStringIncludes((await gw.run(["ps"])).stderr, "The remote host is not connected");
  await house.start();
  await agent.answers("gw");
  assertEquals(await gw.ok(["run", "--rm", "bb", "echo", "through"]), "through");
  assertEquals(await later.ok(["run", "--rm", "bb", "echo", "at once"]), "at once");
});
