import type { FoundGuest } from "../../../../lib/transport/guest/info.ts";
import { GuestKeeper } from "../../../../lib/transport/guest/keeper.ts";
import { type GuestAddress, GuestLink } from "../../../../lib/transport/guest/link.ts";
import { Dialer } from "../../../../lib/transport/endpoint/dialer.ts";
import { assert, assertEquals, assertMatch } from "../../../support/assert.ts";
import { collectLog, type LogLine } from "../../../support/log.ts";

const HERE = { host: "127.0.0.1", port: 1, serverName: "127.0.0.1" };
const ADDRESS: GuestAddress = { host: "h" };

interface Bench {
  readonly keeper: GuestKeeper;
  readonly lines: LogLine[];
  /** How often it has asked. */
  asked(): number;
  /** What it is told from now on; an error where nobody can be dialed. */
  say(found: FoundGuest | Error): void;
  pass(ms: number): void;
}

const NONE: FoundGuest = { kind: "none", status: 404, text: "page not found" };

async function guestWith(...capabilities: string[]): Promise<FoundGuest> {
  const dialer = await Dialer.open(HERE);
  const about = { name: "ts://test", capabilities: new Set(capabilities) };
  return { kind: "guest", link: new GuestLink(dialer, ADDRESS, about) };
}

function bench(first: FoundGuest): Bench {
  let [now, asked] = [0, 0];
  let answer: FoundGuest | Error = first;
  const { log, lines } = collectLog();
  const keeper = new GuestKeeper(first, {
    name: "mtls://gpu",
    log,
    now: () => now,
    ask() {
      asked++;
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
  });
  return {
    keeper,
    lines,
    asked: () => asked,
    say: (found) => void (answer = found),
    pass: (ms) => void (now += ms),
  };
}

Deno.test("a guest that is there is not asked for by who needs it", async () => {
  const { keeper, asked, pass } = bench(await guestWith("copy"));
  pass(60_000);
  await keeper.look();
  assertEquals([asked(), keeper.missing, keeper.link?.can("copy")], [0, undefined, true]);
});

Deno.test("a guest that comes later is found by who needs it, every two seconds at most", async () => {
  const { keeper, asked, pass, say, lines } = bench(NONE);
  assertMatch(keeper.missing ?? "", /no guest/);
  say(await guestWith("tunnel-tcp"));
  await keeper.look();
  assertEquals(asked(), 0);
  pass(2_000);
  await Promise.all([keeper.look(), keeper.look(), keeper.look()]);
  assertEquals([asked(), keeper.missing], [1, undefined]);
  assert(keeper.link?.can("tunnel-tcp"));
  assertEquals(lines.map(({ level }) => level), ["info"]);
});

Deno.test("a guest that goes is told once, with the reason, and so is its return", async () => {
  const guest = await guestWith("copy");
  const { keeper, pass, say, lines } = bench(guest);
  say({ kind: "none", status: 503, text: "" });
  keeper.doubt();
  pass(2_000);
  await keeper.look();
  assertEquals(keeper.link, undefined);
  assertEquals(keeper.missing, "the gateway cannot reach the guest of the remote host");
  for (let round = 0; round < 3; round++) {
    pass(2_000);
    await keeper.look();
  }
  say(guest);
  pass(2_000);
  await keeper.look();
  assertEquals(lines.map(({ level }) => level), ["warn", "info"]);
  assertEquals(lines[0]?.fields["reason"], "the gateway cannot reach the guest of the remote host");
});

Deno.test("who wants to know is told when the guest comes and when it goes, and no longer than he wants", async () => {
  const { keeper, pass, say } = bench(NONE);
  const guest = await guestWith("copy");
  const seen: (string | undefined)[] = [];
  const forget = keeper.onChange(() => seen.push(keeper.missing));
  const look = async (found: FoundGuest) => {
    say(found);
    keeper.doubt();
    pass(2_000);
    await keeper.look();
  };
  for (const found of [NONE, guest, guest, NONE]) await look(found);
  assertEquals(seen.length, 2);
  assertEquals(seen[0], undefined);
  assertMatch(seen[1] ?? "", /no guest/);
  forget();
  await look(guest);
  assertEquals(seen.length, 2);
});

Deno.test("reasons follow the gateway's answer", async () => {
  const cases: [FoundGuest, RegExp][] = [
    [NONE, /leads to Docker only/],
    [{ kind: "none", status: undefined, text: "" }, /leads to Docker only/],
    [{ kind: "silent", reason: "no answer" }, /nothing is heard of a guest .*: no answer/],
    [{ kind: "none", status: 403, text: "" }, /does not let us use the guest/],
    [{ kind: "none", status: 502, text: "" }, /cannot reach the guest/],
  ];
  for (const [found, reason] of cases) assertMatch(bench(found).keeper.missing ?? "", reason);
  assertEquals(bench(await guestWith()).keeper.missing, undefined);
});

Deno.test("another version of the guest takes the place of the one before, and only then", async () => {
  const { keeper, pass, say } = bench(await guestWith("tunnel-tcp"));
  const before = keeper.link;
  say(await guestWith("tunnel-tcp"));
  pass(10_000);
  await keeper.refresh();
  assert(keeper.link === before);
  say(await guestWith("tunnel-tcp", "listen-tcp"));
  pass(10_000);
  await keeper.refresh();
  assert(keeper.link?.can("listen-tcp"));
});

Deno.test("nobody in particular asks less and less often for a guest that does not come", async () => {
  const { keeper, asked, pass } = bench(NONE);
  for (let round = 0; round < 360; round++) {
    pass(10_000);
    await keeper.refresh();
  }
  // After 10, 30, 70, 150, 310 s, then every 5 minutes of the hour.
  assertEquals(asked(), 5 + 10);
});

Deno.test("an endpoint that cannot be reached says nothing about its guest", async () => {
  const there = bench(await guestWith("copy"));
  there.say(new Error("connection refused"));
  there.pass(10_000);
  await there.keeper.refresh();
  assertEquals([there.asked(), there.keeper.missing], [1, undefined]);
  const missing = bench(NONE);
  missing.say(new Error("connection refused"));
  missing.pass(10_000);
  await missing.keeper.look();
  assertEquals([missing.asked(), missing.keeper.link], [1, undefined]);
});
