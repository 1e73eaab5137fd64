import { RequestParser } from "../../../lib/http/parser.ts";
import { assertEquals } from "../../support/assert.ts";
import { REFUSED_REQUESTS, REFUSED_RESPONSES } from "./refusals.ts";
import { bytes, responseParser, run, type Seen, singly } from "./wire.ts";

function statusOf(seen: readonly Seen[]): number {
  return Number(seen.at(-1)?.error?.split(" ")[0]);
}

for (const [name, wire, status] of REFUSED_REQUESTS) {
  Deno.test(`a request with ${name} is refused`, () => {
    const whole = run(new RequestParser(), [bytes(wire)]);
    assertEquals(statusOf(whole), status);
    assertEquals(run(new RequestParser(), singly(bytes(wire))), whole, "one byte at a time");
  });
}

for (const [name, wire] of REFUSED_RESPONSES) {
  Deno.test(`a response with ${name} is refused`, () => {
    const whole = run(responseParser(["POST"]), [bytes(wire)]);
    assertEquals(statusOf(whole), 502);
    assertEquals(run(responseParser(["POST"]), singly(bytes(wire))), whole, "one byte at a time");
  });
}

Deno.test("what is no HTTP after a first request is refused", () => {
  const first = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
  for (const rest of ["\x16\x03\x01", "PRI * HTTP/2.0", "\r\n\r\n\r\n", "\n", "SSH-2.0\r\n"]) {
    const seen = run(new RequestParser(), [bytes(first + rest)]);
    assertEquals(seen.map((each) => each.error), [undefined, "400 Malformed request line"]);
  }
});

Deno.test("a refusal does not repeat the value of a header", () => {
  const wire = "GET / HTTP/1.1\r\nHost: a\r\nX-Registry-Auth: c2VjcmV0\x01\r\n\r\n";
  const error = run(new RequestParser(), [bytes(wire)]).at(-1)?.error;
  assertEquals(error, '400 Header "X-Registry-Auth" has a forbidden character in its value');
});
