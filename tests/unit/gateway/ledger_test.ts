import { DEFAULT_LIMITS } from "../../../lib/gateway/config.ts";
import { Ledger } from "../../../lib/gateway/ledger.ts";
import { assertEquals } from "../../support/assert.ts";

const LIMITS = { ...DEFAULT_LIMITS, connections: 3, connectionsPerClient: 2, requestsPerSecond: 2 };

Deno.test("connections are bounded for one client and for all, and the first refusal stands out", () => {
  const ledger = new Ledger(LIMITS, () => 0);
  assertEquals([ledger.connect("a"), ledger.connect("a")], [undefined, undefined]);
  const own = { reason: "the client has 2 connections", first: true };
  assertEquals(ledger.connect("a"), own);
  assertEquals(ledger.connect("a"), { ...own, first: false });
  assertEquals(ledger.connect("b"), undefined);
  assertEquals(ledger.connect("c"), { reason: "there are 3 connections", first: true });
  ledger.disconnect("a");
  assertEquals([ledger.connections, ledger.connect("a")], [2, undefined]);
  assertEquals(ledger.connect("a"), own);
  ledger.limits = { ...LIMITS, connections: 9, connectionsPerClient: 9 };
  assertEquals(ledger.connect("a"), undefined);
});

Deno.test("requests come back with time, up to what a second has", () => {
  let now = 0;
  const ledger = new Ledger(LIMITS, () => now);
  const ask = () => [1, 2, 3].map(() => ledger.request("a"));
  assertEquals(ask(), [true, true, false]);
  assertEquals(ledger.request("b"), true);
  now = 500;
  assertEquals(ask(), [true, false, false]);
  now = 60_000;
  assertEquals(ask(), [true, true, false]);
});

Deno.test("to leave and come back does not refill a bucket", () => {
  const ledger = new Ledger(LIMITS, () => 0);
  ledger.connect("a");
  assertEquals([1, 2, 3].map(() => ledger.request("a")), [true, true, false]);
  ledger.disconnect("a");
  ledger.connect("a");
  assertEquals(ledger.request("a"), false);
});

Deno.test("of many clients only those with connections are remembered for ever", () => {
  const ledger = new Ledger({ ...LIMITS, requestsPerSecond: 1 }, () => 0);
  ledger.connect("busy");
  const ask = () => ["busy", "idle"].map((client) => ledger.request(client));
  assertEquals(ask(), [true, true]);
  // With these two there are as many as are kept.
  for (let client = 2; client < 4096; client++) ledger.request(`client ${client}`);
  assertEquals(ask(), [false, false]);
  ledger.request("one more");
  assertEquals(ask(), [false, true]);
});
