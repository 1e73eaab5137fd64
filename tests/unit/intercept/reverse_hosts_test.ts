import type { JsonObject } from "../../../lib/docker/json_body.ts";
import { objectField } from "../../../lib/docker/fields.ts";
import { addHosts, bridgeAddressOf } from "../../../lib/intercept/reverse_hosts.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";

const NAMES = ["host.docker.internal", "me"];
const { signal } = new AbortController();

Deno.test("names are added beside those of the request, which win", () => {
  const table: [before: JsonObject, hosts: string[]][] = [
    [{}, ["host.docker.internal:10.0.0.1", "me:10.0.0.1"]],
    [{ HostConfig: {} }, ["host.docker.internal:10.0.0.1", "me:10.0.0.1"]],
    [{ HostConfig: { ExtraHosts: null } }, ["host.docker.internal:10.0.0.1", "me:10.0.0.1"]],
    [{ HostConfig: { ExtraHosts: ["db:1.2.3.4", "me:9.9.9.9"] } }, [
      "db:1.2.3.4",
      "me:9.9.9.9",
      "host.docker.internal:10.0.0.1",
    ]],
  ];
  for (const [body, hosts] of table) {
    assertEquals(addHosts(body, NAMES, "10.0.0.1"), true);
    assertEquals(objectField(body, "HostConfig"), {
      ExtraHosts: hosts,
    });
  }
});

Deno.test("a request that needs nothing stays as it is", () => {
  const bodies: JsonObject[] = [
    { HostConfig: { NetworkMode: "none" } },
    { HostConfig: { NetworkMode: "container:web" } },
    { HostConfig: { ExtraHosts: ["me:1.1.1.1", "host.docker.internal:host-gateway"] } },
  ];
  for (const body of bodies) {
    const before = JSON.stringify(body);
    assertEquals(addHosts(body, NAMES, "10.0.0.1"), false);
    assertEquals(JSON.stringify(body), before);
  }
});

Deno.test("the bridge's address is its IPv4 gateway", async () => {
  const engine = (body: JsonObject) => ({ get: () => Promise.resolve({ status: 200, body }) });
  const config = [{ Subnet: "fd00::/64", Gateway: "fd00::1" }, { Gateway: "172.17.0.1" }];
  assertEquals(await bridgeAddressOf(engine({ IPAM: { Config: config } }), signal), "172.17.0.1");
  await assertRejects(() => bridgeAddressOf(engine({}), signal), AgentError, "no default bridge");
});
