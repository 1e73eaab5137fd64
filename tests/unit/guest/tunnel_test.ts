import { isTunnelAllowed, parseTunnelTarget } from "../../../lib/guest/tunnel_target.ts";
import { ReplyError } from "../../../lib/docker/error_reply.ts";
import { AgentError } from "../../../lib/errors.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { upgrade, UpgradeRefused } from "../../../lib/transport/endpoint/http_upgrade.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertThrows,
} from "../../support/assert.ts";
import { readAll, say, text } from "../../support/duplex.ts";
import { type TestGuest, withGuest } from "../../support/guest.ts";
import { freePort } from "../../support/free_ports.ts";
import { until } from "../../support/poll.ts";

async function tunnel(guest: TestGuest, target: string): Promise<Duplex> {
  const path = `/tinyscale/v1/tunnel/${target}`;
  const { duplex } = await upgrade(await guest.dial(), { method: "GET", path, host: "localhost" });
  return duplex;
}

/** Answers the first client with what it has sent, once that has ended. */
async function echoAtEof(listener: Deno.Listener): Promise<void> {
  const conn = await listener.accept();
  const chunks: Uint8Array[] = [];
  const buffer = new Uint8Array(65_536);
  for (let count; (count = await conn.read(buffer)) !== null;) chunks.push(buffer.slice(0, count));
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) at += await conn.write(chunk.subarray(at));
  }
  conn.close();
}

Deno.test("a tunnel over TCP keeps both half-closes", async () => {
  await withGuest({}, async (guest) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const echoing = echoAtEof(listener);
    const stream = await tunnel(guest, `tcp:localhost:${listener.addr.port}`);
    await say(stream, "ping");
    await stream.closeWrite();
    assertEquals(await readAll(stream), "ping");
    await echoing;
    stream.close();
    await until("the log has it", () => guest.lines.some(({ fields }) => fields["status"] === 101));
    assertEquals(guest.lines.at(-1)?.fields["target"], `tcp:localhost:${listener.addr.port}`);
  });
});

Deno.test("a tunnel to a Unix socket keeps both half-closes, spaces in the path included", async () => {
  await withGuest({}, async (guest) => {
    const path = `${guest.directory}/a socket`;
    using listener = Deno.listen({ transport: "unix", path });
    const echoing = echoAtEof(listener);
    const stream = await tunnel(guest, `unix:${path.replaceAll(" ", "%20")}`);
    await say(stream, "ping");
    await stream.closeWrite();
    assertEquals(await readAll(stream), "ping");
    await echoing;
    stream.close();
  });
});

async function udpEcho(): Promise<{ port: number; close(): void }> {
  const { createSocket } = await import("node:dgram");
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  socket.on("message", (data, from) => socket.send(data, from.port, from.address));
  return { port: socket.address().port, close: () => void socket.close() };
}

function datagram(payload: Uint8Array): Uint8Array {
  return new Uint8Array([payload.length >> 8, payload.length & 255, ...payload]);
}

async function readBytes(stream: Duplex, count: number): Promise<Uint8Array> {
  let all = new Uint8Array(0);
  while (all.length < count) {
    const chunk = await stream.read();
    assert(chunk !== null);
    all = new Uint8Array([...all, ...chunk]);
  }
  return all;
}

Deno.test("a tunnel for datagrams keeps their borders, empty and large ones included", async () => {
  await withGuest({ limits: { udpIdleMs: 60_000 } }, async (guest) => {
    const echo = await udpEcho();
    const stream = await tunnel(guest, `udp:127.0.0.1:${echo.port}`);
    for (const size of [5, 0, 1, 60_000]) {
      const wire = datagram(crypto.getRandomValues(new Uint8Array(size)));
      // Cut anywhere, as TCP does.
      await stream.write(wire.slice(0, 1));
      await stream.write(wire.slice(1));
      assertEquals(await readBytes(stream, wire.length), wire);
    }
    stream.close();
    echo.close();
    await until("the tunnel has ended", () => guest.lines.length > 0);
  });
});

Deno.test("a tunnel for datagrams that is silent is closed", async () => {
  await withGuest({ limits: { udpIdleMs: 50 } }, async (guest) => {
    const echo = await udpEcho();
    const stream = await tunnel(guest, `udp:127.0.0.1:${echo.port}`);
    await until("it has ended", async () => await stream.read().catch(() => null) === null);
    stream.close();
    echo.close();
  });
});

Deno.test("a target that cannot be reached is told in Go's words", async () => {
  await withGuest({}, async (guest) => {
    const port = freePort();
    await Deno.writeTextFile(`${guest.directory}/file`, "");
    const cases: [target: string, status: number, message: RegExp][] = [
      [`tcp:127.0.0.1:${port}`, 502, /^dial tcp 127\.0\.0\.1:\d+: connect: connection refused$/],
      ["tcp:no-such-host.invalid:80", 502, /^dial tcp no-such-host\.invalid:80: no such host$/],
      ["udp:no-such-host.invalid:80", 502, /^dial udp no-such-host\.invalid:80: no such host$/],
      [
        "unix:/no/such.sock",
        404,
        /^dial unix \/no\/such\.sock: connect: no such file or directory$/,
      ],
      [`unix:${guest.directory}/file`, 502, /^dial unix .*: connect: connection refused$/],
    ];
    for (const [target, status, message] of cases) {
      const error = await assertRejects(() => tunnel(guest, target), UpgradeRefused);
      assert(error instanceof UpgradeRefused);
      assertEquals(error.status, status, target);
      assertMatch(error.message, message);
    }
  });
});

Deno.test("only tunnels that fit a pattern are opened, and only so many", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  const setup = { allowTunnels: [`tcp:127.0.0.1:${port}`], limits: { maxTunnels: 1 } };
  await withGuest(setup, async (guest) => {
    for (const target of [`tcp:localhost:${port}`, "tcp:127.0.0.1:1", "unix:/run/docker.sock"]) {
      await assertRejects(() => tunnel(guest, target), UpgradeRefused, "is not allowed");
    }
    const stream = await tunnel(guest, `tcp:127.0.0.1:${port}`);
    const conn = await listener.accept();
    await assertRejects(() => tunnel(guest, `tcp:127.0.0.1:${port}`), AgentError, "all 1 places");
    await guest.guest.shutdown(0);
    assertEquals(text(await stream.read().catch(() => null)), "");
    stream.close();
    conn.close();
  });
});

Deno.test("targets are read, and what is none is refused", () => {
  assertEquals(parseTunnelTarget("tcp:db:5432"), { kind: "tcp", host: "db", port: 5432 });
  assertEquals(parseTunnelTarget("udp:%5B::1%5D:53"), { kind: "udp", host: "::1", port: 53 });
  assertEquals(parseTunnelTarget("unix:/a%20b"), { kind: "unix", path: "/a b" });
  const [path, host] = [`/${"a".repeat(106)}`, "a".repeat(253)];
  assertEquals(parseTunnelTarget(`unix:${path}`), { kind: "unix", path });
  assertEquals(parseTunnelTarget(`tcp:${host}:65535`), { kind: "tcp", host, port: 65_535 });
  const bad = [
    "",
    "tcp:",
    "tcp:db",
    "tcp:db:0",
    "tcp:db:65536",
    "tcp:db:x",
    "tcp::80",
    "tcp:a b:80",
    "tcp:::1:80",
    "http:db:80",
    "unix:",
    "unix:a",
    "unix:/a/../b",
    "unix:/a//b",
    "unix://a",
    "unix:/a/",
    "unix:/..",
    "unix:/a/./b",
    "unix:/a%00",
    "unix:/%zz",
    `unix:/${"a".repeat(107)}`,
    `tcp:${"a".repeat(254)}:65535`,
    "tcp:a\nb:80",
    "unix:/a%0ab",
  ];
  for (const text of bad) {
    const error = assertThrows(() => parseTunnelTarget(text), ReplyError);
    assert(error instanceof ReplyError);
    assertEquals(error.status, 400, text);
  }
});

const RULES: readonly [pattern: string, target: string, fits: boolean][] = [
  ["*", "unix:/run/docker.sock", true],
  ["tcp:*", "tcp:db:5432", true],
  ["tcp:*", "udp:db:5432", false],
  ["tcp:*:5432", "tcp:db:5432", true],
  ["tcp:*:5432", "tcp:db:15432", false],
  ["tcp:127.0.0.1:*", "tcp:127.0.0.1:80", true],
  ["tcp:127.0.0.1:*", "tcp:127x0.0.1:80", false],
  ["tcp:DB:80", "tcp:db:80", true],
  ["tcp:[::1]:*", "tcp:[::1]:80", true],
  ["unix:/run/*.sock", "unix:/run/docker.sock", true],
  ["unix:/run/*.sock", "unix:/run/user/docker.sock", false],
  ["unix:/run/*.sock", "unix:/run/docker.sock2", false],
];

Deno.test("patterns for tunnels", () => {
  for (const [pattern, target, fits] of RULES) {
    assertEquals(
      isTunnelAllowed(parseTunnelTarget(target), [pattern]),
      fits,
      `${pattern} ${target}`,
    );
  }
  assertEquals(isTunnelAllowed(parseTunnelTarget("tcp:a:1"), []), false);
});
