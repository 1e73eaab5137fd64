import { parseBridgeRule, routeTo } from "../../../lib/bridge/rules.ts";
import { AgentError } from "../../../lib/errors.ts";
import { formatIp, ipBytes, isInPrefix, parsePrefix } from "../../../lib/net/ip.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

Deno.test("addresses are read and written in their shortest form", () => {
  const cases: [string, string | undefined][] = [
    ["10.1.2.3", "10.1.2.3"],
    ["::1", "::1"],
    ["[fd00:0:0::5]", "fd00::5"],
    ["2001:db8:0:1:2:3:4:5", "2001:db8:0:1:2:3:4:5"],
    ["::ffff:10.1.2.3", "10.1.2.3"],
    ["::", "::"],
    ["10.1.2", undefined],
    ["10.1.2.03", undefined],
    ["10.1.2.256", undefined],
    ["web", undefined],
    ["1:2", undefined],
    ["", undefined],
  ];
  for (const [text, expected] of cases) {
    const bytes = ipBytes(text);
    assertEquals(bytes && formatIp(bytes), expected, text);
  }
});

Deno.test("a range holds the addresses that begin like it", () => {
  const cases: [string, string, boolean][] = [
    ["10.0.0.0/8", "10.255.1.2", true],
    ["10.0.0.0/8", "11.0.0.1", false],
    ["172.16.0.0/12", "172.31.255.255", true],
    ["172.16.0.0/12", "172.32.0.0", false],
    ["10.1.2.3", "10.1.2.3", true],
    ["10.1.2.3", "10.1.2.2", false],
    ["0.0.0.0/0", "8.8.8.8", true],
    ["0.0.0.0/0", "::1", false],
    ["fd00::/8", "fdab::1", true],
    ["fd00::/8", "fe80::1", false],
    ["10.0.0.0/8", "::ffff:10.0.0.1", true],
  ];
  for (const [range, address, expected] of cases) {
    const [prefix, bytes] = [parsePrefix(range), ipBytes(address)];
    assertEquals(prefix && bytes && isInPrefix(bytes, prefix), expected, `${range} ${address}`);
  }
  for (const bad of ["10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8/8", "fd00::/129", "10.0.0.0/-1"]) {
    assertEquals(parsePrefix(bad), undefined, bad);
  }
});

Deno.test("the first rule that matches decides; without one it goes through", () => {
  const rules = [
    "169.254.169.254=refuse",
    "10.0.0.0/8=through",
    "*.docker=through",
    "Db.Corp.example=refuse",
    ".corp.example=through",
    "host-*=direct",
    "fd00::/8=refuse",
  ].map(parseBridgeRule);
  const cases: [string, string][] = [
    ["169.254.169.254", "refuse"],
    ["::ffff:169.254.169.254", "refuse"],
    ["10.9.8.7", "through"],
    ["web.docker", "through"],
    ["docker", "direct"],
    ["db.corp.example.", "refuse"],
    ["DB.corp.EXAMPLE", "refuse"],
    ["corp.example", "through"],
    ["a.b.corp.example", "through"],
    ["evilcorp.example", "direct"],
    ["host-17", "direct"],
    ["fd12::1", "refuse"],
    ["192.0.2.1", "direct"],
  ];
  const closed = [...rules, parseBridgeRule("*=direct")];
  for (const [host, route] of cases) assertEquals(routeTo(closed, host), route, host);
  assertEquals(routeTo(rules, "192.0.2.1"), "through");
  assertEquals(routeTo([], "anything.example"), "through");
});

Deno.test("a pattern of a name never matches an address, nor the other way round", () => {
  const rules = ["*0*=refuse", "10.0.0.0/8=direct"].map(parseBridgeRule);
  assertEquals(routeTo(rules, "10.0.0.1"), "direct");
  assertEquals(routeTo(rules.toReversed(), "10.0.0.1.example"), "refuse");
});

Deno.test("a rule that cannot be meant is refused with what to write", () => {
  for (
    const text of [
      "10.0.0.0/8",
      "=through",
      "a b=through",
      "10.0.0.0/33=refuse",
      "x=maybe",
      "1.2.3=direct",
    ]
  ) {
    const error = assertThrows(() => parseBridgeRule(text), AgentError);
    assertEquals((error as AgentError).kind, "config", text);
  }
});
