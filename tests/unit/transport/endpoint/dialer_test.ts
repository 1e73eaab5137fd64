import { createServer, type Socket } from "node:net";
import { AgentError } from "../../../../lib/errors.ts";
import { Dialer } from "../../../../lib/transport/endpoint/dialer.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { until } from "../../../support/poll.ts";

/** A server that says who is the how-manieth, to whoever asks. */
async function withServer(
  body: (dialer: Dialer, sockets: Socket[]) => Promise<void>,
): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const number = sockets.push(socket);
    socket.on("error", () => {/* The client is gone, as the test means it to be. */});
    socket.on("data", () => socket.end(`${number}`));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const { port } = address;
  const dialer = await Dialer.open({ host: "127.0.0.1", port, serverName: "127.0.0.1" });
  try {
    await body(dialer, sockets);
  } finally {
    dialer.close({ everything: true });
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

async function numberOf(opening: ReturnType<Dialer["take"]>): Promise<string> {
  const duplex = await opening;
  await duplex.write(new TextEncoder().encode("?"));
  let text = "";
  for (let chunk; (chunk = await duplex.read()) !== null;) text += new TextDecoder().decode(chunk);
  duplex.close();
  await duplex.closed;
  return text;
}

Deno.test("a connection that is taken has others dialed for those who come next", async () => {
  await withServer(async (dialer, sockets) => {
    assertEquals(await numberOf(dialer.take()), "1");
    await until("three are dialed ahead", () => Promise.resolve(sockets.length === 4));
    assertEquals(await numberOf(dialer.take()), "2");
    await until("another is dialed", () => Promise.resolve(sockets.length === 5));
    assertEquals(await numberOf(dialer.dial()), "6");
    assertEquals(dialer.open, 0);
  });
});

Deno.test("a spare connection that the server has ended is not given out", async () => {
  await withServer(async (dialer, sockets) => {
    assertEquals(await numberOf(dialer.take()), "1");
    await until("three are dialed ahead", () => Promise.resolve(sockets.length === 4));
    for (const socket of sockets) socket.end();
    const noticed = () => sockets.slice(1).every((socket) => socket.destroyed);
    await until("they are given up", () => Promise.resolve(noticed()));
    assertEquals(await numberOf(dialer.take()), "5");
  });
});

Deno.test("closing ends spare connections first, and all of them if asked", async () => {
  await withServer(async (dialer, sockets) => {
    const used = await dialer.take();
    await until("three are dialed ahead", () => Promise.resolve(sockets.length === 4));
    await until("only one is in use", () => Promise.resolve(dialer.open === 1));
    dialer.close({ everything: false });
    await used.write(new TextEncoder().encode("?"));
    assert(await used.read() !== null);
    await assertRejects(() => dialer.take(), AgentError, "Gave up connecting");
    dialer.close({ everything: true });
    await used.closed;
  });
});

Deno.test("connections from an address that this machine no longer has are closed", async () => {
  await withServer(async (dialer) => {
    const used = await dialer.dial();
    dialer.closeStrayed();
    dialer.closeStrayed(new Set(["127.0.0.1", "192.0.2.7"]));
    assertEquals(dialer.open, 1);
    dialer.closeStrayed(new Set(["192.0.2.7"]));
    await used.closed;
    assertEquals(dialer.open, 0);
  });
});

Deno.test("who reads from a connection that is given up does not take that for its end", async () => {
  await withServer(async (dialer) => {
    dialer.watchEnds(() => {/* There is one connection only. */});
    const used = await dialer.dial();
    const reading = assertRejects(() => used.read(), AgentError, "was lost");
    dialer.closeStrayed(new Set(["192.0.2.7"]));
    assertEquals((await reading as AgentError).kind, "lost");
    await used.closed;
  });
});

Deno.test("a host that refuses answers, one that says nothing does not", async () => {
  const never = new AbortController().signal;
  let port = 0;
  await withServer(async (dialer) => {
    port = dialer.endpoint.port;
    dialer.close({ everything: false });
    assert(await dialer.reaches(never), "also of a dialer that is closed");
    assertEquals(dialer.open, 0);
  });
  const refused = await Dialer.open({ host: "127.0.0.1", port, serverName: "127.0.0.1" });
  assert(await refused.reaches(never));
  assertEquals(await refused.reaches(AbortSignal.abort()), false);
  const unknown = await Dialer.open({ host: "host.invalid", port, serverName: "host.invalid" });
  assertEquals(await unknown.reaches(never), false);
});

Deno.test("nobody at the address is told, also when others were dialed ahead", async () => {
  let dialer: Dialer | undefined;
  await withServer((each) => {
    dialer = each;
    return Promise.resolve();
  });
  assert(dialer !== undefined);
  const again = await Dialer.open(dialer.endpoint);
  const error = await assertRejects(() => again.take(), AgentError, "connection refused");
  assertEquals((error as AgentError).kind, "unreachable");
  again.close({ everything: true });
});
