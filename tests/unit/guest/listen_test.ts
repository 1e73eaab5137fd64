import { AgentError } from "../../../lib/errors.ts";
import { isListenAllowed, parseListenTarget } from "../../../lib/guest/listen_target.ts";
import { denoConnDuplex } from "../../../lib/net/deno_conn.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { Dialer } from "../../../lib/transport/endpoint/dialer.ts";
import { listenThroughGuest } from "../../../lib/transport/guest/listen.ts";
import { GuestLink } from "../../../lib/transport/guest/link.ts";
import { upgrade, UpgradeRefused } from "../../../lib/transport/endpoint/http_upgrade.ts";
import type { RemoteListener } from "../../../lib/transport/transport.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../support/assert.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { type GuestSetup, type TestGuest, withGuest } from "../../support/guest.ts";
import { until } from "../../support/poll.ts";

const LISTEN = "/tinyscale/v1/listen/";
const UPGRADE = ["Connection: Upgrade", "Upgrade: tcp"];
const LOOPBACK = "127.0.0.1";

/** A guest and a client of it that serves what is accepted with `serve`. */
async function withListener(
  setup: GuestSetup,
  serve: (stream: Duplex) => void,
  body: (parts: { guest: TestGuest; listener: RemoteListener; link: GuestLink }) => Promise<void>,
): Promise<void> {
  await withGuest(setup, async (guest) => {
    await withLink(guest, async (link) => {
      const listener = await listenThroughGuest(link, { host: LOOPBACK, port: 0 }, serve);
      try {
        await body({ guest, listener, link });
      } finally {
        await listener.close();
      }
    });
  });
}

async function withLink(
  { port }: TestGuest,
  body: (link: GuestLink) => Promise<void>,
): Promise<void> {
  const dialer = await Dialer.open({ host: LOOPBACK, port, serverName: LOOPBACK });
  const found = { name: "ts://test", capabilities: new Set<string>() };
  try {
    await body(new GuestLink(dialer, { host: "localhost" }, found));
  } finally {
    dialer.close({ everything: true });
  }
}

async function dial(port: number): Promise<Duplex> {
  return denoConnDuplex(await Deno.connect({ hostname: LOOPBACK, port }));
}

/** Answers with what came, once that has ended. */
async function answer(stream: Duplex): Promise<void> {
  await say(stream, `got ${await readAll(stream)}`);
  await stream.closeWrite();
}

/** A control stream as another client would have it. */
async function control(guest: TestGuest): Promise<{ stream: Duplex; port: number }> {
  const path = `${LISTEN}tcp:${LOOPBACK}:0`;
  const request = { method: "POST", path, host: "localhost" } as const;
  const { duplex, headers } = await upgrade(await guest.dial(), request);
  return { stream: duplex, port: Number(headers.get("X-Listen-Address")?.split(":")[1]) };
}

async function ticketOf(stream: Duplex): Promise<string> {
  const line = await readUntil(stream, "\n");
  return /"ticket":"([0-9a-f]{64})"/.exec(line)?.[1] ?? "";
}

async function fetchBy(guest: TestGuest, ticket: string): Promise<Duplex> {
  const headers: [string, string][] = [["X-Listen-Ticket", ticket]];
  const request = { method: "POST", path: `${LISTEN}accept`, host: "localhost", headers } as const;
  return (await upgrade(await guest.dial(), request)).duplex;
}

Deno.test("connections to a port of the guest come here, many at once, half-closes kept", async () => {
  const serving: Promise<void>[] = [];
  await withListener({}, (stream) => void serving.push(answer(stream)), async (parts) => {
    const { guest, listener } = parts;
    const answers = await Promise.all(Array.from({ length: 20 }, async (_, at) => {
      const client = await dial(listener.port);
      await say(client, `${at}`);
      await client.closeWrite();
      const text = await readAll(client);
      client.close();
      return text;
    }));
    assertEquals(answers, Array.from({ length: 20 }, (_, at) => `got ${at}`));
    await Promise.all(serving);
    await listener.close();
    await assertRejects(() => dial(listener.port), Deno.errors.ConnectionRefused);
    const line = () => guest.lines.find(({ fields }) => "accepted" in fields);
    await until("the log has it", () => line() !== undefined);
    assertEquals(line()?.fields["accepted"], 20);
    assertMatch(line()?.message ?? "", /^POST \/tinyscale\/v1\/listen\/tcp:127\.0\.0\.1:0$/);
  });
});

Deno.test("what was accepted lives on when the port is given back", async () => {
  const { promise, resolve } = Promise.withResolvers<Duplex>();
  await withListener({}, resolve, async ({ listener }) => {
    const client = await dial(listener.port);
    const near = await promise;
    await listener.close();
    await say(near, "still here");
    await near.closeWrite();
    assertEquals(await readAll(client), "still here");
    client.close();
    near.close();
  });
});

Deno.test("a guest that is asked to end gives its ports back at once, and the client learns of it", async () => {
  await withListener({}, (stream) => stream.close(), async ({ guest, listener }) => {
    const ending = guest.guest.shutdown(60_000);
    await listener.closed;
    await ending;
  });
});

Deno.test("a ticket is good once, and for as long as its connection waits", async () => {
  await withGuest({ limits: { connectMs: 3_000 } }, async (guest) => {
    const { stream, port } = await control(guest);
    const first = await dial(port);
    const ticket = await ticketOf(stream);
    const near = await fetchBy(guest, ticket);
    await assertRejects(() => fetchBy(guest, ticket), UpgradeRefused, "no connection waits");
    near.close();
    first.close();
    const second = await dial(port);
    const late = await ticketOf(stream);
    assert(late !== ticket);
    // Nobody fetches it: the guest ends it.
    assertEquals(await readAll(second).catch(() => ""), "");
    await assertRejects(() => fetchBy(guest, late), UpgradeRefused, "no connection waits");
    second.close();
    stream.close();
  });
});

Deno.test("what waits for a client that leaves is ended, and so is the port", async () => {
  await withGuest({}, async (guest) => {
    const { stream, port } = await control(guest);
    const waiting = await dial(port);
    const ticket = await ticketOf(stream);
    await stream.closeWrite();
    assertEquals(await readAll(waiting).catch(() => ""), "");
    await assertRejects(() => fetchBy(guest, ticket), UpgradeRefused);
    await until("the port is free", async () => {
      const again = await dial(port).catch(() => undefined);
      again?.close();
      return again === undefined;
    });
    waiting.close();
    stream.close();
  });
});

Deno.test("a client that says nothing loses its port", async () => {
  await withGuest({ limits: { listenSilenceMs: 1_000, keepAliveMs: 50 } }, async (guest) => {
    const { stream } = await control(guest);
    // The guest has told that it is there, meanwhile.
    assertMatch(await readAll(stream), /^(\{\}\n)+$/);
    stream.close();
  });
});

Deno.test("a guest takes no more listeners, and no more waiting connections, than its limits", async () => {
  await withGuest({ limits: { maxListeners: 1, maxWaiting: 1 } }, async (guest) => {
    const { stream, port } = await control(guest);
    await assertRejects(() => control(guest), AgentError, "all 1 places for listeners");
    const first = await dial(port);
    const ticket = await ticketOf(stream);
    const second = await dial(port);
    assertEquals(await readAll(second).catch(() => ""), "");
    (await fetchBy(guest, ticket)).close();
    const third = await dial(port);
    assert(await ticketOf(stream) !== "");
    for (const each of [first, second, third, stream]) each.close();
  });
});

Deno.test("a port that cannot be had is told in Go's words", async () => {
  using taken = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const { port } = taken.addr;
  await withGuest({ allowListen: ["tcp:127.0.0.1:*", "tcp:192.0.2.1:*"] }, async (guest) => {
    await withLink(guest, async (link) => {
      const cases: [host: string, port: number, message: string][] = [
        [LOOPBACK, port, `listen tcp 127.0.0.1:${port}: bind: address already in use`],
        ["192.0.2.1", 80, "listen tcp 192.0.2.1:80: bind: cannot assign requested address"],
        ["0.0.0.0", 3000, "listening on 0.0.0.0:3000 is not allowed"],
        ["::1", 3000, "listening on [::1]:3000 is not allowed"],
      ];
      for (const [host, port, message] of cases) {
        const asked = listenThroughGuest(link, { host, port }, (stream) => stream.close());
        await assertRejects(() => asked, AgentError, message);
      }
    });
  });
});

Deno.test("requests that make no sense are refused before anything is listened on", async () => {
  await withGuest({}, async (guest) => {
    const cases: [line: string, status: number, headers?: string[], body?: string][] = [
      [`POST ${LISTEN}tcp:127.0.0.1:0`, 426, []],
      [`GET ${LISTEN}tcp:127.0.0.1:0`, 405],
      [`POST ${LISTEN}tcp:127.0.0.1:0`, 400, UPGRADE, "body"],
      [`POST ${LISTEN}tcp:localhost:80`, 400],
      [`POST ${LISTEN}udp:127.0.0.1:80`, 400],
      [`POST ${LISTEN}unix:/tmp/x`, 400],
      [`POST ${LISTEN}`, 400],
      [`POST ${LISTEN}%zz`, 400],
      [`POST ${LISTEN}accept`, 426, []],
      [`POST ${LISTEN}accept`, 404],
      [`POST ${LISTEN}accept`, 404, [...UPGRADE, "X-Listen-Ticket: ../../x"]],
      [`GET ${LISTEN}accept`, 405],
      [`POST ${LISTEN}accept/x`, 400],
    ];
    for (const [line, status, headers = UPGRADE, body] of cases) {
      assertMatch(await guest.ask(line, headers, body), new RegExp(`^HTTP/1.1 ${status} `), line);
    }
  });
});

Deno.test("the guest says whether it listens for clients", async () => {
  for (const [allowListen, says] of [[["tcp:127.0.0.1:*"], true], [[], false]] as const) {
    await withGuest({ allowListen }, async (guest) => {
      const text = await guest.ask("GET /tinyscale/v1/info");
      assertEquals(text.includes('"listen-tcp"'), says);
    });
  }
});

Deno.test("addresses to listen on are read in one spelling, and what is none is refused", () => {
  assertEquals(parseListenTarget("tcp:172.17.0.1:0"), { host: "172.17.0.1", port: 0 });
  assertEquals(parseListenTarget("tcp:%5B0:0:0::1%5D:53"), { host: "::1", port: 53 });
  assertEquals(parseListenTarget("tcp:[::FFFF:127.0.0.1]:1").host, "::ffff:7f00:1");
  const bad = [
    "",
    "tcp:",
    "tcp:3000",
    "tcp:127.0.0.1",
    "tcp:127.0.0.1:",
    "tcp:127.0.0.1:65536",
    "tcp:127.1:80",
    "tcp:0x7f.0.0.1:80",
    "tcp:256.0.0.1:80",
    "tcp:::1:80",
    "tcp:[::1:80",
    "tcp:[fe80::1%25eth0]:80",
    "tcp:db:5432",
    "tcp:*:80",
    "udp:127.0.0.1:80",
    "tcp:127.0.0.1:80%0a",
  ];
  for (const text of bad) assertThrows(() => parseListenTarget(text), AgentError);
});

const INTERFACES = [
  { name: "lo", address: "127.0.0.1" },
  { name: "docker0", address: "172.17.0.1" },
  { name: "eth0", address: "192.0.2.7" },
];
const RULES: readonly [pattern: string, target: string, fits: boolean][] = [
  ["*", "tcp:0.0.0.0:80", true],
  ["tcp:127.0.0.1:*", "tcp:127.0.0.1:0", true],
  ["tcp:127.0.0.1:*", "tcp:127.0.0.2:80", false],
  ["tcp:docker0:*", "tcp:172.17.0.1:3000", true],
  ["tcp:docker0:3000", "tcp:172.17.0.1:3001", false],
  ["tcp:docker0:*", "tcp:192.0.2.7:3000", false],
  ["tcp:docker0:*", "tcp:0.0.0.0:3000", false],
  ["tcp:eth*:*", "tcp:192.0.2.7:3000", true],
  ["tcp:[::1]:*", "tcp:[0:0::1]:80", true],
];

Deno.test("patterns for listeners, by address and by interface", () => {
  for (const [pattern, target, fits] of RULES) {
    const allowed = isListenAllowed(parseListenTarget(target), [pattern], INTERFACES);
    assertEquals(allowed, fits, `${pattern} ${target}`);
  }
  assertEquals(isListenAllowed(parseListenTarget("tcp:127.0.0.1:1"), [], INTERFACES), false);
});
