import { isFrom, parseFrom } from "../../../lib/relay/from_pattern.ts";
import { assertEquals } from "../../support/assert.ts";

const CASES: [string, string, boolean][] = [
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "127.0.0.2", false],
  ["127.0.0.1", "::ffff:127.0.0.1", true],
  ["127.0.0.*", "127.0.0.77", true],
  ["127.0.0.?", "127.0.0.77", false],
  ["*", "10.9.8.7", true],
  ["10.0.0.0/8", "10.255.0.1", true],
  ["10.0.0.0/8", "11.0.0.1", false],
  ["0.0.0.0/0", "8.8.8.8", true],
  ["0.0.0.0/0", "::1", false],
  ["fe80::/10", "fe80::1%eth0", true],
  ["2001:db8::/32", "2001:db8:1::1", true],
  ["2001:DB8::1", "2001:db8::1", true],
  ["10.0.0.0/8,!10.1.0.0/16", "10.1.2.3", false],
  ["!10.1.0.0/16,10.0.0.0/8", "10.2.2.3", true],
  ["!10.1.2.3", "10.1.2.4", false],
  ["localhost", "127.0.0.1", false],
  ["1.2.3.4", "1x2x3x4", false],
];

Deno.test("an address is judged by blocks, wildcards and negation", () => {
  for (const [list, address, expected] of CASES) {
    assertEquals(isFrom(parseFrom(list), address), expected, `${address} by ${list}`);
  }
});
