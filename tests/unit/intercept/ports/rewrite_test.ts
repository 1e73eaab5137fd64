/** What becomes of the ports in a create request. */
import { ReplyError } from "../../../../lib/docker/error_reply.ts";
import { encodeJson, type JsonObject, parseJson } from "../../../../lib/docker/json_body.ts";
import { portKey } from "../../../../lib/forward/binding.ts";
import { decodeLabel, PORTS_LABEL } from "../../../../lib/intercept/ports/label.ts";
import {
  needsImagePorts,
  type PortPolicy,
  rewritePorts,
} from "../../../../lib/intercept/ports/rewrite.ts";
import { assert, assertEquals, assertThrows } from "../../../support/assert.ts";
import { text } from "../../../support/duplex.ts";

const POLICY: PortPolicy = { owner: "me", mode: "virtual" };
const LOOPBACK = [{ HostIp: "127.0.0.1", HostPort: "" }];

function parse(json: string): JsonObject {
  return parseJson(new TextEncoder().encode(json)) as JsonObject;
}

function rewritten(json: string, image: string[] = [], policy = POLICY) {
  const body = parse(json);
  const plan = rewritePorts(body, image, policy);
  const host = body["HostConfig"] as JsonObject | undefined;
  const label = (body["Labels"] as Record<string, string> | undefined)?.[PORTS_LABEL];
  return { body, plan, host, request: decodeLabel(label) };
}

Deno.test("every binding moves to one ephemeral port of loopback per container port", () => {
  const asked = {
    "80/tcp": [{ HostIp: "", HostPort: "8080" }, { HostIp: "127.0.0.1", HostPort: "" }],
    "53/udp": [{ HostIp: "::1", HostPort: "5300-5310" }],
    "9/sctp": [{ HostIp: "", HostPort: "9" }],
  };
  const { host, plan, request } = rewritten(
    JSON.stringify({ HostConfig: { PortBindings: asked } }),
  );
  assertEquals(host?.["PortBindings"], {
    "80/tcp": LOOPBACK,
    "53/udp": LOOPBACK,
    "9/sctp": LOOPBACK,
  });
  assertEquals(plan?.bindings.map((each) => `${each.hostIp}|${each.hostPort}`), [
    "|8080",
    "127.0.0.1|",
    "::1|5300-5310",
    "|9",
  ]);
  assertEquals<unknown>(request?.asked, asked);
  assertEquals([request?.owner, request?.mode, request?.publishAll], ["me", "virtual", false]);
});

Deno.test("what is not about ports survives byte for byte", () => {
  const json = `{"Image":"x","Unknown":{"Big":9223372036854771712,"F":1.10},"Labels":{"a":"b"},` +
    `"HostConfig":{"Memory":9007199254740993,"PortBindings":{"80/tcp":[{"HostPort":"1"}]}}}`;
  const { body } = rewritten(json);
  delete (body["Labels"] as JsonObject)[PORTS_LABEL];
  const expected = json.replace(`[{"HostPort":"1"}]`, JSON.stringify(LOOPBACK));
  assertEquals(text(encodeJson(body)), expected);
});

Deno.test("a request that publishes nothing is not touched", () => {
  const requests = [
    `{}`,
    `{"HostConfig":null}`,
    `{"HostConfig":{"PortBindings":{}}}`,
    `{"HostConfig":{"PortBindings":{"80/tcp":[]}}}`,
    `{"HostConfig":{"NetworkMode":"none","PortBindings":{"80/tcp":[{"HostPort":"1"}]}}}`,
    `{"HostConfig":{"NetworkMode":"container:x","PortBindings":{"80/tcp":[{"HostPort":"1"}]}}}`,
    `{"ExposedPorts":{"80/tcp":{}},"HostConfig":{"PublishAllPorts":false}}`,
  ];
  for (const json of requests) {
    const { body, plan } = rewritten(json, ["90/tcp"]);
    assertEquals([text(encodeJson(body)), plan], [json, undefined]);
  }
});

Deno.test("a container on the host's network is only labelled", () => {
  const json = `{"HostConfig":{"NetworkMode":"host","PortBindings":{"80/tcp":[{"HostPort":"1"}]}}}`;
  const { host, plan, request } = rewritten(json);
  assertEquals(host, parse(json)["HostConfig"] as JsonObject);
  assertEquals([plan?.bindings, request?.mode], [[], "host"]);
});

Deno.test("-P becomes a binding for each exposed port that has none", () => {
  const json = `{"ExposedPorts":{"81/tcp":{},"80/tcp":{}},"HostConfig":{"PublishAllPorts":true,` +
    `"PortBindings":{"80/tcp":[{"HostPort":"8080"}],"82/tcp":[]}}}`;
  assert(needsImagePorts(parse(json)));
  const { host, plan, request } = rewritten(json, ["53/udp", "81/tcp"]);
  assertEquals(host?.["PublishAllPorts"], false);
  const keys = ["82/tcp", "80/tcp", "53/udp", "81/tcp"];
  assertEquals(
    host?.["PortBindings"],
    Object.fromEntries(keys.map((key) => [key, LOOPBACK])),
  );
  assertEquals(request?.publishAll, true);
  assertEquals(plan?.bindings.map(({ containerPort, hostPort }) => [containerPort, hostPort]), [
    [80, "8080"],
    [82, ""],
    [53, ""],
    [81, ""],
  ]);
});

Deno.test("publish-mode same leaves the bindings and adds the label", () => {
  const json =
    `{"HostConfig":{"PublishAllPorts":true,"PortBindings":{"80/tcp":[{"HostPort":"1"}]}}}`;
  const { host, request } = rewritten(json, [], { owner: "me", mode: "same" });
  assertEquals(host, parse(json)["HostConfig"] as JsonObject);
  assertEquals(request?.mode, "same");
});

Deno.test("names are found as Go finds them", () => {
  const json = `{"labels":{"a":"b"},"hostconfig":{"PORTBINDINGS":{"80/tcp":[{"hostport":"1"}]},` +
    `"PublishAllPortſ":true}}`;
  const body = parse(json);
  assert(needsImagePorts(body));
  const plan = rewritePorts(body, ["90/tcp"], POLICY);
  assertEquals(plan?.bindings.map((each) => each.hostPort), ["1", ""]);
  const host = body["hostconfig"] as JsonObject;
  assertEquals(Object.keys(host), ["PORTBINDINGS", "PublishAllPortſ"]);
  assertEquals(host["PORTBINDINGS"], { "80/tcp": LOOPBACK, "90/tcp": LOOPBACK });
  assertEquals(Object.keys(body["labels"] as JsonObject), ["a", PORTS_LABEL]);
});

Deno.test("what cannot be understood is refused", () => {
  const ports = (value: string) => `{"HostConfig":{"PortBindings":${value}}}`;
  const cases: [string, string][] = [
    [ports(`{"80/tcp":[{"HostPort":"abc"}]}`), 'invalid port specification: "abc"'],
    [ports(`{"80/tcp":[{"HostPort":"99999"}]}`), 'invalid port specification: "99999"'],
    [ports(`{"80/tcp":[{"HostPort":8080}]}`), "HostPort must be a string"],
    [ports(`{"80/tcp":{"HostPort":"1"}}`), "must be a list"],
    [ports(`{"80/tcp":["8080"]}`), "must be an object"],
    [ports(`{"80-81/tcp":[{"HostPort":"1"}]}`), "invalid port specification"],
    [ports(`[]`), "PortBindings must be an object"],
    [`{"HostConfig":[]}`, "HostConfig must be an object"],
    [`{"HostConfig":{},"hostConfig":{}}`, "name the same member"],
    [`{"Labels":[],"HostConfig":{"PortBindings":{"1/tcp":[{"HostPort":"1"}]}}}`, "Labels must be"],
  ];
  for (const [json, message] of cases) {
    assertThrows(() => rewritten(json), ReplyError, message);
  }
});

Deno.test("a label that no agent wrote is nobody's request", () => {
  for (const label of [undefined, "", "x", "{}", `{"owner":"me"}`, `{"owner":1,"mode":"same"}`]) {
    assertEquals(decodeLabel(label), undefined);
  }
  const invalid = `{"owner":"me","mode":"same","asked":{"80/tcp":[{"HostPort":"x"}]},"exposed":[]}`;
  assertEquals(decodeLabel(invalid), undefined);
});

Deno.test("a binding that is null is one without members, as Go reads it", () => {
  const { plan, request } = rewritten('{"HostConfig":{"PortBindings":{"80/tcp":[null]}}}');
  assertEquals(plan?.bindings.length, 1);
  assertEquals<unknown>(request?.asked, { "80/tcp": [{ HostIp: "", HostPort: "" }] });
});

Deno.test("a port keeps its spelling, by which the engine finds what is exposed", () => {
  const asked = { "80": [{ HostPort: "8080" }], "53/UDP": [{}] };
  const { host, plan } = rewritten(JSON.stringify({ HostConfig: { PortBindings: asked } }));
  assertEquals(host?.["PortBindings"], { "80": LOOPBACK, "53/UDP": LOOPBACK });
  assertEquals(plan?.bindings.map(portKey), ["80/tcp", "53/udp"]);
  const all = rewritten(
    '{"ExposedPorts":{"90":{}},"HostConfig":{"PublishAllPorts":true}}',
    ["90/tcp", "91/tcp"],
  );
  assertEquals(all.host?.["PortBindings"], { "90": LOOPBACK, "91/tcp": LOOPBACK });
  assertEquals(all.request?.exposed, ["90/tcp", "91/tcp"]);
});
