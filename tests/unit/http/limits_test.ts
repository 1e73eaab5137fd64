import { encodeChunk, LAST_CHUNK } from "../../../lib/http/chunked.ts";
import * as limits from "../../../lib/http/limits.ts";
import { RequestParser } from "../../../lib/http/parser.ts";
import { assertEquals } from "../../support/assert.ts";
import { bytes, run, singly } from "./wire.ts";

const START = "GET / HTTP/1.1\r\nHost: a\r\n";
const CHUNKED = `${START}Transfer-Encoding: chunked\r\n\r\n`;

function errorOf(wire: string): string | undefined {
  return run(new RequestParser(), [bytes(wire)]).at(-1)?.error;
}

function headOf(size: number): string {
  return `${START}X: ${"a".repeat(size - START.length - "X: \r\n\r\n".length)}\r\n\r\n`;
}

function headWith(fields: number): string {
  return `${START}${"X: a\r\n".repeat(fields - 1)}\r\n`;
}

function trailersOf(size: number): string {
  return `${CHUNKED}0\r\nX: ${"a".repeat(size - "X: \r\n\r\n".length)}\r\n\r\n`;
}

function chunkLineOf(size: number): string {
  return `${CHUNKED}1;${"a".repeat(size - "1;\r\n".length)}\r\nx\r\n0\r\n\r\n`;
}

const { MAX_HEAD_BYTES, MAX_HEADER_COUNT, MAX_CHUNK_LINE_BYTES, MAX_TRAILER_BYTES } = limits;

const CASES: readonly [string, (size: number) => string, number, string][] = [
  ["bytes of a head", headOf, MAX_HEAD_BYTES, "431 Head is larger than 1048576 bytes"],
  ["fields of a head", headWith, MAX_HEADER_COUNT, "431 Head has more than 1000 fields"],
  [
    "bytes of a chunk line",
    chunkLineOf,
    MAX_CHUNK_LINE_BYTES,
    "400 Chunk line is longer than 4096 bytes",
  ],
  ["bytes of trailers", trailersOf, MAX_TRAILER_BYTES, "400 Trailers are larger than 65536 bytes"],
  [
    "bytes of a method",
    (size) => `${"M".repeat(size)} / HTTP/1.1\r\nHost: a\r\n\r\n`,
    limits.MAX_METHOD_BYTES,
    "501 Method is longer than 32 bytes",
  ],
];

for (const [name, make, limit, message] of CASES) {
  Deno.test(`the limit on ${name} is exact`, () => {
    assertEquals(errorOf(make(limit)), undefined);
    assertEquals(errorOf(make(limit + 1)), message);
  });
}

Deno.test("a head that never ends is refused at the limit and not before", () => {
  const parser = new RequestParser();
  const input = bytes(START + "X: ".padEnd(MAX_HEAD_BYTES, "a"));
  const seen = run(parser, [input.slice(0, MAX_HEAD_BYTES)]);
  assertEquals(seen.at(-1)?.error, "400 Connection ended within a head");
  assertEquals(run(new RequestParser(), [input]).at(-1)?.error, CASES[0]?.[3]);
});

Deno.test("the largest head in single bytes takes no longer than its bytes need", () => {
  const wire = headOf(MAX_HEAD_BYTES);
  const whole = run(new RequestParser(), [bytes(wire)]);
  assertEquals(run(new RequestParser(), singly(bytes(wire))), whole);
});

Deno.test("encoded chunks are decoded to the same bytes", () => {
  const data = [1, 15, 16, 4096].map((size) => new Uint8Array(size).fill(size));
  const pieces = [bytes(CHUNKED), ...data.map(encodeChunk), encodeChunk(bytes("")), LAST_CHUNK];
  const seen = run(new RequestParser(), pieces);
  assertEquals(seen.length, 1);
  assertEquals(seen[0]?.ended, true);
  assertEquals(bytes(seen[0]?.data ?? ""), Uint8Array.from(data.flatMap((each) => [...each])));
});
