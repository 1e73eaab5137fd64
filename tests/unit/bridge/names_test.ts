import { isContainerName, nameTable } from "../../../lib/bridge/names.ts";
import { assertEquals } from "../../support/assert.ts";

const ID = "0123456789abcdef".repeat(4);

function container(
  name: string,
  networks: Record<string, Record<string, string | string[] | null>>,
  labels: Record<string, string> = {},
  id = "f".repeat(64),
) {
  return { Id: id, Names: [`/${name}`], Labels: labels, NetworkSettings: { Networks: networks } };
}

function service(project: string, name: string, number: string, address: string) {
  return container(`${project}-${name}-${number}`, {
    [`${project}_default`]: { IPAddress: address },
  }, {
    "com.docker.compose.project": project,
    "com.docker.compose.service": name,
    "com.docker.compose.container-number": number,
  });
}

const table = nameTable([
  container(
    "Web",
    { mynet: { IPAddress: "10.0.1.2", Aliases: ["www"] }, bridge: { IPAddress: "172.17.0.2" } },
    {},
    ID,
  ),
  container("my.dotted", { "net.with.dots": { IPAddress: "10.0.2.2", Aliases: null } }),
  container("hosted", { host: { IPAddress: "" } }),
  container("lonely", { none: { IPAddress: "" } }),
  container("six", { v6: { IPAddress: "", GlobalIPv6Address: "fd00::6" } }),
  service("shop", "api", "2", "10.0.3.3"),
  service("shop", "api", "1", "10.0.3.2"),
]);

Deno.test("containers are found by name, network, alias, service and id", () => {
  const cases: [string, string[]][] = [
    ["web.docker", ["172.17.0.2"]],
    ["WEB.Docker.", ["172.17.0.2"]],
    ["web.mynet.docker", ["10.0.1.2"]],
    ["www.mynet.docker", ["10.0.1.2"]],
    ["www.bridge.docker", []],
    [`${ID.slice(0, 12)}.docker`, ["172.17.0.2"]],
    [`${ID.slice(0, 12)}.mynet.docker`, ["10.0.1.2"]],
    [`${ID.slice(0, 11)}.docker`, []],
    ["my.dotted.docker", ["10.0.2.2"]],
    ["my.dotted.net.with.dots.docker", ["10.0.2.2"]],
    ["hosted.docker", ["127.0.0.1"]],
    ["lonely.docker", []],
    ["six.docker", ["fd00::6"]],
    ["api.shop.docker", ["10.0.3.2", "10.0.3.3"]],
    ["api.shop_default.docker", ["10.0.3.2", "10.0.3.3"]],
    ["shop-api-2.docker", ["10.0.3.3"]],
    ["nobody.docker", []],
    [".docker", []],
  ];
  for (const [name, expected] of cases) assertEquals([...table.find(name)], expected, name);
});

Deno.test("only names below .docker are the engine's", () => {
  assertEquals(["web.docker", "web.DOCKER."].map(isContainerName), [true, true]);
  assertEquals(["docker", "web.docker.com", "10.0.0.1"].map(isContainerName), [
    false,
    false,
    false,
  ]);
});

Deno.test("an answer of another shape names nobody", () => {
  for (const odd of [null, {}, [1, null, { Names: 5, NetworkSettings: [] }]]) {
    assertEquals([...nameTable(odd).find("web.docker")], []);
  }
});
