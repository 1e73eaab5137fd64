import {
  allowedRoute,
  type ClientRule,
  namePattern,
  rightsOf,
  uriPattern,
} from "../../../lib/gateway/rights.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { clientWith } from "./support.ts";

type Names = Parameters<typeof clientWith>[0];

function rule(change: Partial<ClientRule>): ClientRule {
  const hosts = [namePattern("gpu.example")];
  const nothing = { names: [], uris: [], fingerprints: [], allow: [], guest: new Set<never>() };
  return { ...nothing, hosts, access: "none", ...change };
}

const ALICE = clientWith({ commonName: "alice" });
const NAMES = [namePattern("alice")];

Deno.test("a rule is about a client by any of its names, and about no other", () => {
  const fingerprint = "a".repeat(64);
  const spiffe = uriPattern("spiffe://example.net/orgs/acme/users/*");
  const about = (rules: ClientRule, who: Names) =>
    rightsOf([rules], clientWith(who), "gpu.example") !== undefined;
  assert(about(rule({ names: NAMES }), { commonName: "alice" }));
  assert(about(rule({ names: NAMES }), { commonName: "Alice" }));
  assert(about(rule({ names: NAMES }), { dnsNames: ["bob", "alice"] }));
  assert(!about(rule({ names: NAMES }), { commonName: "alice2" }));
  assert(!about(rule({ names: NAMES }), { uris: ["alice"] }));
  assert(about(rule({ names: [namePattern("ci-*")] }), { commonName: "ci-7" }));
  assert(!about(rule({ names: [namePattern("ci-*")] }), { commonName: "ci-7.other" }));
  assert(!about(rule({ names: [namePattern("*")] }), { uris: ["alice"] }), "without a name");
  assert(
    about(rule({ uris: [spiffe] }), { uris: ["spiffe://example.net/orgs/acme/users/al.ice"] }),
  );
  assert(!about(rule({ uris: [spiffe] }), { uris: ["spiffe://example.net/orgs/acme/users/a/b"] }));
  assert(!about(rule({ uris: [spiffe] }), { uris: ["spiffe://example.net/orgs/other/users/a"] }));
  assert(!about(rule({ uris: [spiffe] }), { uris: ["spiffe://exampleXnet/orgs/acme/users/a"] }));
  assert(about(rule({ fingerprints: [fingerprint] }), { fingerprint }));
  assert(!about(rule({ fingerprints: [fingerprint] }), { fingerprint: "b".repeat(64) }));
});

Deno.test("a pattern of hosts covers one label, and no rule means no rights", () => {
  const rules = [rule({ names: NAMES, hosts: [namePattern("*.example")], access: "full" })];
  assert(rightsOf(rules, ALICE, "gpu.example") !== undefined);
  assertEquals(rightsOf(rules, ALICE, "a.gpu.example"), undefined);
  assertEquals(rightsOf(rules, ALICE, "example"), undefined);
  assertEquals(rightsOf(rules, ALICE, "gpu.example.org"), undefined);
  assertEquals(rightsOf([], ALICE, "gpu.example"), undefined);
  assertEquals(rightsOf(rules, clientWith({ commonName: "bob" }), "gpu.example"), undefined);
});

Deno.test("read-only looks and does not touch", () => {
  const rights = rightsOf([rule({ names: NAMES, access: "read-only" })], ALICE, "gpu.example");
  const may = (line: string) => {
    const [method = "", path = ""] = line.split(" ");
    return rights?.engine(method, path);
  };
  const looks = [
    "HEAD /_ping",
    "GET /_ping",
    "GET /version",
    "GET /info",
    "GET /events",
    "GET /system/df",
    "GET /containers/json",
    "GET /containers/web/json",
    "GET /containers/web/top",
    "GET /containers/web/logs",
    "GET /containers/web/changes",
    "GET /containers/web/stats",
    "GET /exec/1/json",
    "GET /images/json",
    "GET /images/a/b/c:1/json",
    "GET /images/a/b/history",
    "GET /networks",
    "GET /networks/n",
    "GET /volumes",
    "GET /volumes/v",
  ];
  for (const line of looks) assertEquals(may(line), true, line);
  const touches = [
    "POST /containers/create",
    "POST /containers/web/start",
    "POST /containers/web/exec",
    "DELETE /containers/web",
    "GET /containers/web/attach/ws",
    "GET /containers/web/archive",
    "GET /containers/web/export",
    "GET /images/get",
    "POST /session",
    "GET /secrets",
    "GET /v1.41/containers/json",
    "GET /containers/json/",
    "GET /unknown",
  ];
  for (const line of touches) assertEquals(may(line), false, line);
  assertEquals([rights?.guest("exec"), rights?.guest("info")], [false, false]);
});

Deno.test("lists of routes and several rules add up", () => {
  const allow = ["POST /containers/{id}/restart", "* /volumes/x.y", "GET /images/{name+}/get"]
    .map(allowedRoute).filter((route) => route !== undefined);
  const rules = [
    rule({ names: NAMES, allow }),
    rule({ names: [namePattern("a*")], access: "read-only", guest: new Set(["tunnel"]) }),
    rule({ names: NAMES, hosts: [namePattern("other.example")], access: "full" }),
  ];
  const rights = rightsOf(rules, ALICE, "gpu.example");
  const cases: [string, string, boolean][] = [
    ["POST", "/containers/web/restart", true],
    ["GET", "/containers/web/restart", false],
    ["POST", "/containers/a/b/restart", false],
    ["POST", "/containers/web/restart/x", false],
    ["DELETE", "/volumes/x.y", true],
    ["DELETE", "/volumes/xzy", false],
    ["GET", "/images/a/b/get", true],
    ["GET", "/containers/json", true],
    ["POST", "/containers/create", false],
  ];
  for (const [method, path, expected] of cases) {
    assertEquals(rights?.engine(method, path), expected, `${method} ${path}`);
  }
  const guest = (["exec", "copy", "tunnel", "listen", "info"] as const)
    .map((right) => rights?.guest(right));
  assertEquals(guest, [false, false, true, false, true]);
});

Deno.test("a name in a route is none of the words of the API", () => {
  const allow = ["* /volumes/{name}", "GET /{any}", "POST /networks/{more+}"]
    .map(allowedRoute).filter((route) => route !== undefined);
  const rights = rightsOf([rule({ names: NAMES, allow })], ALICE, "gpu.example");
  const cases: [string, string, boolean][] = [
    ["DELETE", "/volumes/web", true],
    ["DELETE", "/volumes/create", true],
    ["POST", "/volumes/create", false],
    ["POST", "/volumes/prune", false],
    ["GET", "/info", false],
    ["POST", "/networks/create", true],
    ["POST", "/networks/a/connect", true],
  ];
  for (const [method, path, expected] of cases) {
    assertEquals(rights?.engine(method, path), expected, `${method} ${path}`);
  }
});

Deno.test("an upgrade leads where its route does, and not past the rules", () => {
  const rights = (access: "full" | "read-only") =>
    rightsOf([rule({ names: NAMES, access })], ALICE, "gpu.example");
  const may = (line: string, access: "full" | "read-only" = "read-only") => {
    const [method = "", path = "", protocol = ""] = line.split(" ");
    return rights(access)?.upgrade(method, path, protocol);
  };
  assertEquals(may("POST /containers/web/attach tcp"), true);
  assertEquals(may("POST /exec/1/start TCP"), true);
  assertEquals(may("POST /session h2c"), true);
  assertEquals(may("GET /info h2c"), false);
  assertEquals(may("POST /containers/web/attach h2c"), false);
  assertEquals(may("GET /containers/web/logs tcp"), false);
  assertEquals(may("GET /unknown websocket"), false);
  assertEquals(may("GET /info h2c", "full"), true);
  const both = [rule({ names: NAMES }), rule({ names: NAMES, access: "full" })];
  assertEquals(rightsOf(both, ALICE, "gpu.example")?.upgrade("GET", "/info", "h2c"), true);
});

Deno.test("what is not a route is told apart", () => {
  for (
    const text of ["", "GET", "get /x", "GET x", "GET /a b", "GET /{", "GET /{a-b}", "GET /a?b"]
  ) {
    assertEquals(allowedRoute(text), undefined, text);
  }
});
