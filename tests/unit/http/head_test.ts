import {
  encodeRequestHead,
  encodeResponseHead,
  HeaderList,
  type RequestHead,
} from "../../../lib/http/head.ts";
import { HttpParseError } from "../../../lib/http/parse_error.ts";
import { RequestParser } from "../../../lib/http/parser.ts";
import { decodeLatin1, encodeLatin1 } from "../../../lib/http/syntax.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { bytes, describeHead, responseParser, text } from "./wire.ts";

const sample = () => new HeaderList([["Host", "a"], ["X-A", "1"], ["x-a", "2"], ["Z", ""]]);

Deno.test("header list finds fields without regard to case and keeps them as written", () => {
  const list = sample();
  assertEquals(list.get("HOST"), "a");
  assertEquals(list.get("z"), "");
  assertEquals(list.get("y"), undefined);
  assertEquals(list.getAll("X-a"), ["1", "2"]);
  assertEquals([list.has("x-A"), list.has("X-B")], [true, false]);
  assertEquals([...list], [["Host", "a"], ["X-A", "1"], ["x-a", "2"], ["Z", ""]]);
  assertEquals(list.length, 4);
});

Deno.test("header list sets the first field in its place and removes the others", () => {
  const list = sample();
  list.set("x-a", "3");
  list.set("New", "n");
  assertEquals([...list], [["Host", "a"], ["X-A", "3"], ["Z", ""], ["New", "n"]]);
});

Deno.test("header list deletes all fields of a name", () => {
  const list = sample();
  assertEquals([list.delete("X-A"), list.delete("X-A")], [true, false]);
  assertEquals([...list], [["Host", "a"], ["Z", ""]]);
});

Deno.test("header list finds tokens in comma-separated lines", () => {
  const list = new HeaderList([["Connection", "keep-alive ,\tUpgrade,"], ["connection", "X"]]);
  assertEquals(list.tokens("connection"), ["keep-alive", "Upgrade", "X"]);
  for (const token of ["upgrade", "Keep-Alive", "x"]) assert(list.hasToken("CONNECTION", token));
  for (const token of ["keep", "alive", "", "keep-alive ,"]) {
    assertEquals(list.hasToken("Connection", token), false, token);
  }
});

Deno.test("header list takes no field that would split a head", () => {
  const list = sample();
  for (const value of ["a\r\nb", "a\rb", "a\nb", "a\0b", "\u0100"]) {
    assertThrows(() => list.append("X", value), HttpParseError, "forbidden character");
    assertThrows(() => list.set("Host", value), HttpParseError, "forbidden character");
  }
  for (const name of ["", "a b", "a:", "a\r\nb", "\xe9"]) {
    assertThrows(() => list.append(name, ""), HttpParseError, "not a token");
  }
  assertEquals([...list], [...sample()]);
});

Deno.test("a request head that was encoded anew parses as the same head", () => {
  const wire =
    "POST /a?b=%20 HTTP/1.1\r\nhOST: x\r\nX: \xff\x80 y\r\nX:\r\nConnection: close\r\n\r\n";
  const head = parseRequest(wire);
  const encoded = text(encodeRequestHead(head));
  assertEquals(encoded, wire.replace("X:\r\n", "X: \r\n"));
  assertEquals(describeHead(parseRequest(encoded)), describeHead(head));
});

Deno.test("a response head that was encoded anew parses as the same head", () => {
  const wire = "HTTP/1.0 404 Not \xe9 Found\r\nContent-Length: 0\r\n\r\n";
  const parser = responseParser(["GET"]);
  parser.push(bytes(wire));
  const event = parser.next();
  assert(event?.type === "head");
  assertEquals(text(encodeResponseHead(event.head)), wire);
});

Deno.test("a start line that would not parse as written is not encoded", () => {
  const headers = new HeaderList();
  for (const [method, target] of [["GE T", "/"], ["", "/"], ["GET", "/ x"], ["GET", ""]] as const) {
    const head = { method, target, version: "1.1", headers } as const;
    assertThrows(() => encodeRequestHead(head), HttpParseError, "Cannot encode the request line");
  }
  for (const [status, reason] of [[99, ""], [1000, ""], [200.5, ""], [200, "a\r\nb"]] as const) {
    const head = { status, reason, version: "1.1", headers } as const;
    assertThrows(() => encodeResponseHead(head), HttpParseError, "Cannot encode the status line");
  }
});

Deno.test("every byte survives as a character", () => {
  const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
  assertEquals(encodeLatin1(decodeLatin1(all)), all);
  assertThrows(() => encodeLatin1("\u0100"), RangeError);
});

function parseRequest(wire: string): RequestHead {
  const parser = new RequestParser();
  parser.push(bytes(wire));
  const event = parser.next();
  assert(event?.type === "head");
  return event.head;
}
