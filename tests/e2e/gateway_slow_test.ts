/** Clients of a gateway and of a guest that are slow on purpose: let go, told of, and nobody else's loss. */
import { connect } from "node:tls";
import { assertEquals, assertMatch } from "../support/assert.ts";
import type { Child } from "../support/child.ts";
import { GatewayHouse } from "../support/gateway.ts";
import { until } from "../support/poll.ts";
import { withGuest } from "../support/guest.ts";
import { readUntil, say } from "../support/duplex.ts";
import { socketDuplex } from "../../lib/net/tls/stream.ts";

const HOST = "a.containers.test";

/** A gateway before an engine that answers to `/events` without end. */
async function withGateway(body: (house: GatewayHouse, gateway: Child) => Promise<void>) {
  await using house = await GatewayHouse.open();
  const path = `${house.directory}/endless.sock`;
  const piece = new Uint8Array(65_536);
  await using _engine = Deno.serve({ path, onListen: () => {} }, async (request) => {
    if (request.url.endsWith("/events")) {
      return new Response(new ReadableStream({ pull: (to) => to.enqueue(piece) }));
    }
    // The gateway gives up before all of a body has come.
    return new Response(`${await request.bytes().then(({ length }) => length, () => 0)}`);
  });
  await house.configure(`client_ca: ${house.caFile}
hosts: {${HOST}: {engine: "unix://${path}"}}
clients: [{name: alice, hosts: ${HOST}, access: full}]
limits: {body_timeout: 1s, write_timeout: 1s}
`);
  await body(house, await house.start());
}

Deno.test("a body that comes byte by byte ends in a 408", async () => {
  await withGateway(async (house, gateway) => {
    const alice = await house.client("alice");
    const slow = await house.connect(alice, HOST);
    slow.write(`POST /build HTTP/1.1\r\nHost: ${HOST}\r\nContent-Length: 9999\r\n\r\n`);
    const trickle = setInterval(() => slow.write("x"), 100);
    try {
      // Meanwhile others are served.
      assertMatch(await house.get(alice, "/_ping", HOST), /^HTTP\/1\.1 200 /);
      assertMatch(await slow.rest(), /^HTTP\/1\.1 408 [^]*did not arrive within 1 s/);
    } finally {
      clearInterval(trickle);
    }
    await gateway.waitFor(/"Ended a connection".*"reason":"read_timeout"/);
  });
});

Deno.test("a client that takes nothing of an answer is let go", async () => {
  await withGateway(async (house, gateway) => {
    const alice = await house.client("alice");
    const files = {
      cert: await Deno.readTextFile(alice.certFile),
      key: await Deno.readTextFile(alice.keyFile),
      ca: await Deno.readTextFile(house.caFile),
    };
    const to = { host: "127.0.0.1", port: house.port, servername: HOST };
    const socket = connect({ ...to, ...files });
    await new Promise((resolve) => socket.once("secureConnect", resolve));
    const stuck = socketDuplex(socket);
    try {
      await say(stuck, `GET /events HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`);
      await gateway.waitFor(/"Ended a connection".*"reason":"write_timeout"/);
      assertMatch(await house.get(alice, "/_ping", HOST), /^HTTP\/1\.1 200 /);
    } finally {
      stuck.close();
      await stuck.closed;
    }
  });
});

Deno.test("a guest lets them go as well", async () => {
  await withGuest({ limits: { readMs: 2_000, writeMs: 2_000 } }, async (guest) => {
    const path = `/tinyscale/v1/host-exec/copy?path=${guest.directory}/slow`;
    const slow = await guest.dial();
    await say(slow, `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999\r\n\r\n`);
    const trickle = setInterval(() => void say(slow, "x").catch(() => {}), 50);
    try {
      assertMatch(await readUntil(slow, "\r\n\r\n"), /^HTTP\/1\.1 408 /);
    } finally {
      clearInterval(trickle);
      slow.close();
    }
    await until("nothing of it is left", () => [...Deno.readDirSync(guest.directory)].length === 0);

    const stuck = await guest.exec({ command: "cat", args: ["/dev/zero"] });
    await until("it is let go", () => guest.guest.commands === 0);
    stuck.stdio.close();
    const told = () => guest.lines.filter(({ message }) => message === "Gave up on a client");
    await until("both are told of", () => told().length >= 2);
    assertEquals(told().map(({ fields }) => fields["event"]), ["read_timeout", "write_timeout"]);
  });
});
