import { destinationOf } from "../../../lib/gateway/target.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("the API version is no part of an engine's path, and escapes are undone", () => {
  const cases: [string, string][] = [
    ["/_ping", "/_ping"],
    ["/v1.45/containers/json?all=1", "/containers/json"],
    ["/containers/json?x=/../..//%2e", "/containers/json"],
    ["/v1.45/images/a%3Ab/json", "/images/a:b/json"],
    ["/v1.45.0/containers/json", "/containers/json"],
    ["/v1.45", "/v1.45"],
    ["/v1.45/v1.45/info", "/v1.45/info"],
    ["/containers/a.b/...x/json", "/containers/a.b/...x/json"],
    ["/v1.45/tinyscale/v1/info", "/tinyscale/v1/info"],
  ];
  for (const [target, path] of cases) {
    assertEquals(destinationOf(target), { kind: "engine", path }, target);
  }
});

Deno.test("the routes of a guest are known by their right, others are nobody's", () => {
  const cases: [string, string | undefined][] = [
    ["/tinyscale/v1/host-exec/command", "exec"],
    ["/tinyscale/v1/host-exec/copy?path=/a/../b", "copy"],
    ["/tinyscale/v1/tunnel/tcp:localhost:80", "tunnel"],
    ["/tinyscale/v1/tunnel/tcp:%5B::1%5D:80", "tunnel"],
    ["/tinyscale/v1/tunnel/unix:/var/run/docker.sock", "tunnel"],
    ["/tinyscale/v1/listen/tcp:172.17.0.1:3000", "listen"],
    ["/tinyscale/v1/listen/accept", "listen"],
    ["/tinyscale/v1/listen/", undefined],
    ["/tinyscale/v1/info", "info"],
    ["/tinyscale/v1/info/", undefined],
    ["/tinyscale/v1/tunnel/", undefined],
    ["/tinyscale/v2/info", undefined],
    ["/tinyscale", undefined],
    ["/TinyScale/v1/info", undefined],
    ["/tinyscaled", undefined],
  ];
  for (const [target, right] of cases) {
    const expected = right === undefined ? { kind: "unknown" } : { kind: "guest", right };
    assertEquals(destinationOf(target) as unknown, expected, target);
  }
});

const REFUSED: Readonly<Record<string, readonly string[]>> = {
  "The path has a dot segment": [
    "/v1.45/../tinyscale/v1/info",
    "/..;/tinyscale/v1/info",
    "/.;x/info",
    "/v1.45/..",
    "/./_ping",
  ],
  "The path has an encoded letter or digit": [
    "/%74inyscale/v1/info",
    "/tinyscal%65/v1/info",
    "/containers/%6Ason",
    "/containers/a%2Db/json",
    "/v%31.45/info",
    "/a%39b",
    "/a%41b",
    "/a%5Ab",
    "/a%5fb",
    "/a%7Ab",
    "/a%7eb",
  ],
  "The path has an encoded dot": ["/v1%2E45/info", "/v1.45/%2e%2e/info", "/v1.45/%2E./info"],
  "The path has an empty segment": ["//_ping", "/containers//json", "/tinyscale/v1//info"],
  "The path has an encoded slash": ["/containers%2fjson", "/containers%2Fjson", "/a%5cb", "/a%5Cb"],
  "The path has a backslash": ["/containers\\json"],
  "The path has an encoded control character": ["/a%00b", "/a%0d%0ab", "/a%1Fb", "/a%7fb"],
  "The path has an encoded percent sign, number sign or question mark": [
    "/a%252fb",
    "/a%3Fb",
    "/a%23b",
  ],
  "The path has a fragment": ["/a#b"],
  "The path has a malformed escape": ["/a%zz", "/a%", "/a%4", "/a%4g"],
  "The path is not UTF-8": ["/a%ff", "/a%c3%28"],
  "The request target is not a path": [
    "http://other.example/_ping",
    "https://a/_ping",
    "other.example:443",
    "*",
    "",
    "_ping",
  ],
};

Deno.test("a path that could be read in two ways is refused, and told why", () => {
  for (const [reason, targets] of Object.entries(REFUSED)) {
    for (const target of targets) {
      assertEquals(destinationOf(target), { kind: "refused", reason }, target);
    }
  }
});

Deno.test("what has to be escaped in a path may be", () => {
  const escapes = ["%20", "%21", "%2a", "%3a", "%3e", "%40", "%5b", "%5d", "%5e", "%60", "%7b"];
  for (const escape of [...escapes, "%7d", "%c3%a9"]) {
    const path = `/a${decodeURIComponent(escape)}b`;
    assertEquals(destinationOf(`/a${escape}b`), { kind: "engine", path }, escape);
  }
});
