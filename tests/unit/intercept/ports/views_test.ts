/** What users see of published ports, and the filter that goes by it. */
import type { Json } from "../../../../lib/docker/json_body.ts";
import type { Published } from "../../../../lib/forward/forward_info.ts";
import {
  encodeLabel,
  type PortRequest,
  PORTS_LABEL,
} from "../../../../lib/intercept/ports/label.ts";
import { takePublishFilter } from "../../../../lib/intercept/ports/publish_filter.ts";
import { showInspect, showListItem } from "../../../../lib/intercept/ports/views.ts";
import { assertEquals } from "../../../support/assert.ts";

const ASKED = { "80/tcp": [{ HostIp: "", HostPort: "8080" }] };
const REQUEST: PortRequest = {
  owner: "me",
  mode: "virtual",
  asked: ASKED,
  publishAll: true,
  exposed: [],
};

const LOCAL: Published[] = [{
  requested: { containerPort: 80, protocol: "tcp", hostIp: "", hostPort: "8080" },
  local: { host: "127.0.0.1", port: 8080 },
}, {
  requested: { containerPort: 80, protocol: "tcp", hostIp: "::1", hostPort: "" },
  local: { host: "::1", port: 4000 },
}];

function knowledge(owner: string, local: readonly Published[] | undefined) {
  return { owner, published: () => local };
}

function inspected(request: PortRequest) {
  return {
    Id: "a",
    Config: { Labels: { mine: "1", [PORTS_LABEL]: encodeLabel(request) } },
    HostConfig: { PortBindings: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] } },
    NetworkSettings: {
      Ports: { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "32768" }], "81/tcp": null },
    },
  };
}

Deno.test("inspect shows the request and the addresses that listen", () => {
  const value = inspected(REQUEST);
  showInspect(value, knowledge("me", LOCAL));
  assertEquals<unknown>(value, {
    Id: "a",
    Config: { Labels: { mine: "1" } },
    HostConfig: { PortBindings: ASKED, PublishAllPorts: true },
    NetworkSettings: {
      Ports: {
        "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "8080" }, { HostIp: "::1", HostPort: "4000" }],
        "81/tcp": null,
      },
    },
  });
});

Deno.test("a port that nobody listens on here is not shown as published", () => {
  const value = inspected(REQUEST);
  showInspect(value, knowledge("me", undefined));
  assertEquals<unknown>(value.NetworkSettings.Ports, { "80/tcp": null, "81/tcp": null });
});

Deno.test("of somebody else's container only the label is hidden", () => {
  const value = inspected({ ...REQUEST, owner: "other" });
  const { HostConfig, NetworkSettings } = structuredClone(value);
  showInspect(value, knowledge("me", undefined));
  assertEquals<unknown>(value, {
    Id: "a",
    Config: { Labels: { mine: "1" } },
    HostConfig,
    NetworkSettings,
  });
});

Deno.test("a list shows local ports in the place of remote ones", () => {
  const item = (ports: Json) => ({
    Id: "a",
    Labels: { mine: "1", [PORTS_LABEL]: encodeLabel(REQUEST) },
    Ports: ports,
  });
  const remote = { IP: "127.0.0.1", PrivatePort: 80, PublicPort: 32768, Type: "tcp" };
  const shown = item([remote, { ...remote, IP: "::1" }, { PrivatePort: 81, Type: "tcp" }]);
  showListItem(shown, knowledge("me", LOCAL));
  assertEquals<unknown>(shown, {
    Id: "a",
    Labels: { mine: "1" },
    Ports: [
      { IP: "127.0.0.1", PrivatePort: 80, PublicPort: 8080, Type: "tcp" },
      { IP: "::1", PrivatePort: 80, PublicPort: 4000, Type: "tcp" },
      { PrivatePort: 81, Type: "tcp" },
    ],
  });
  const unseen = item([remote]);
  showListItem(unseen, knowledge("me", undefined));
  assertEquals<unknown>(unseen.Ports, [{ PrivatePort: 80, Type: "tcp" }]);
});

Deno.test("the filter publish= leaves the query, and the limit with it", () => {
  const query = (filters: unknown, rest = "") =>
    new URLSearchParams(`all=1${rest}&filters=${encodeURIComponent(JSON.stringify(filters))}`);
  const filter = takePublishFilter(
    query({ publish: ["80-90/tcp", "53/udp"], name: ["x"] }, "&limit=2"),
  );
  assertEquals(filter?.query.get("filters"), `{"name":["x"]}`);
  assertEquals([filter?.query.get("limit"), filter?.query.get("all")], [null, "1"]);
  const item = (id: string, PublicPort: number, Type: string) => ({
    Id: id,
    Ports: [{ PrivatePort: 1, PublicPort, Type }],
  });
  const list = [
    item("a", 80, "tcp"),
    item("b", 80, "udp"),
    item("c", 53, "udp"),
    item("d", 90, "tcp"),
    { Id: "e", Ports: [{ PrivatePort: 80, Type: "tcp" }] },
  ];
  assertEquals<unknown>(filter?.apply(list), [list[0], list[2]]);
  const slash = takePublishFilter(query({ publish: ["90/"] }));
  assertEquals<unknown>(slash?.apply(list), [list[3]]);
  for (const other of [{}, { name: ["x"] }, { publish: [] }, { publish: ["x"] }, ["publish"]]) {
    assertEquals(takePublishFilter(query(other)), undefined);
  }
  assertEquals(takePublishFilter(new URLSearchParams("filters=%7B")), undefined);
});
