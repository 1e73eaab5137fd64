import {
  expectsContinue,
  keepsAlive,
  requestFraming,
  responseFraming,
} from "../../../lib/http/body_framing.ts";
import { type HeaderField, HeaderList } from "../../../lib/http/head.ts";
import { assertEquals } from "../../support/assert.ts";

const raw = new Uint8Array();

function request(version: "1.0" | "1.1", ...fields: HeaderField[]) {
  return { method: "POST", target: "/", version, headers: new HeaderList(fields), raw };
}

function response(status: number, ...fields: HeaderField[]) {
  return { status, reason: "", version: "1.1" as const, headers: new HeaderList(fields), raw };
}

const FIVE: HeaderField = ["Content-Length", "005"];
const CHUNKED: HeaderField = ["Transfer-Encoding", "Chunked"];

Deno.test("request framing follows the declared length", () => {
  assertEquals(requestFraming(request("1.1")), { kind: "none" });
  assertEquals(requestFraming(request("1.0", FIVE)), { kind: "length", length: 5 });
  assertEquals(requestFraming(request("1.1", CHUNKED)), { kind: "chunked" });
  const most = ["Content-Length", String(Number.MAX_SAFE_INTEGER)] as const;
  assertEquals(requestFraming(request("1.1", most)), {
    kind: "length",
    length: Number.MAX_SAFE_INTEGER,
  });
});

const RESPONSES: readonly [string, number, string, HeaderField[]][] = [
  ["GET", 200, "length", [FIVE]],
  ["GET", 200, "chunked", [CHUNKED]],
  ["GET", 200, "close", []],
  ["GET", 500, "close", []],
  ["HEAD", 200, "none", [FIVE]],
  ["HEAD", 200, "none", [CHUNKED]],
  ["HEAD", 404, "none", []],
  ["GET", 204, "none", [FIVE]],
  ["GET", 304, "none", [FIVE]],
  ["GET", 205, "length", [FIVE]],
  ["POST", 100, "none", []],
  ["POST", 103, "none", [FIVE]],
  ["POST", 101, "tunnel", []],
  ["GET", 101, "tunnel", [FIVE]],
  ["CONNECT", 200, "tunnel", [FIVE]],
  ["CONNECT", 299, "tunnel", [CHUNKED]],
  ["CONNECT", 407, "length", [FIVE]],
  ["connect", 200, "length", [FIVE]],
];

for (const [method, status, kind, fields] of RESPONSES) {
  const name = fields.map(([each]) => each).join() || "no length";
  Deno.test(`an answer ${status} to ${method} with ${name} is framed by ${kind}`, () => {
    assertEquals(responseFraming(response(status, ...fields), method).kind, kind);
  });
}

const ALIVE: readonly ["1.0" | "1.1", string[], boolean][] = [
  ["1.1", [], true],
  ["1.1", ["Upgrade"], true],
  ["1.1", ["close"], false],
  ["1.1", ["keep-alive", "x, Close"], false],
  ["1.0", [], false],
  ["1.0", ["Keep-Alive"], true],
  ["1.0", ["keep-alive, close"], false],
];

for (const [version, values, expected] of ALIVE) {
  Deno.test(`HTTP/${version} with Connection ${JSON.stringify(values)} keeps alive: ${expected}`, () => {
    const fields = values.map((value): HeaderField => ["Connection", value]);
    assertEquals(keepsAlive(request(version, ...fields)), expected);
  });
}

Deno.test("only an HTTP/1.1 request expects an interim 100", () => {
  const expect: HeaderField = ["expect", "100-Continue"];
  assertEquals(expectsContinue(request("1.1", expect)), true);
  assertEquals(expectsContinue(request("1.0", expect)), false);
  assertEquals(expectsContinue(request("1.1", ["Expect", "200-ok"])), false);
});
