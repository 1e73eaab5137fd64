import { tellNoGuest } from "../../../lib/forward/tell_no_guest.ts";
import { TunnelUdp } from "../../../lib/forward/udp/tunnel.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { NoGuestError } from "../../../lib/transport/guest/no_guest.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { collectLog } from "../../support/log.ts";

const TARGET = { kind: "tcp", host: "db", port: 5432 } as const;

Deno.test("that there is no guest is told once, and again after there was one", async () => {
  const { log, lines } = collectLog();
  let failure: Error | undefined = new NoGuestError('"db:5432"', "there is no guest");
  const open = tellNoGuest(
    () => failure === undefined ? Promise.resolve(memoryPair()[0]) : Promise.reject(failure),
    log,
  );
  const attempt = () => open(TARGET, new AbortController().signal);
  for (let i = 0; i < 3; i++) await assertRejects(attempt, NoGuestError);
  assertEquals(lines.map(({ level, message }) => [level, message]), [
    ["warn", 'Refused a client: Cannot reach "db:5432": there is no guest'],
  ]);
  const missing = failure;
  failure = undefined;
  (await attempt()).close();
  failure = new Error("Connection refused");
  await assertRejects(attempt, Error, "Connection refused");
  assertEquals(lines.length, 1);
  failure = missing;
  await assertRejects(attempt, NoGuestError);
  assertEquals(lines.length, 2);
});

Deno.test("datagrams are unavailable while there is an obstacle", async () => {
  const { log } = collectLog();
  let why: string | undefined = "there is no guest";
  const open = () => Promise.resolve(memoryPair()[0]);
  const udp = new TunnelUdp(open, log, () => Promise.resolve(why));
  assertEquals(await udp.unavailable(), why);
  why = undefined;
  assertEquals(await udp.unavailable(), undefined);
  await udp.close();
  const failing = new TunnelUdp(open, log, () => Promise.reject(new Error("not connected")));
  assertEquals(await failing.unavailable(), "not connected");
  await failing.close();
});
