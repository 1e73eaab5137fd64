/** When a host behind an endpoint counts as lost, and which of its streams live on. */
import { createServer, type Socket } from "node:net";
import { AgentError } from "../../../../lib/errors.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { Dialer } from "../../../../lib/transport/endpoint/dialer.ts";
import {
  type EndpointParts,
  EndpointTransport,
  type Pulse,
} from "../../../../lib/transport/endpoint/endpoint_transport.ts";
import { GuestKeeper } from "../../../../lib/transport/guest/keeper.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../../support/assert.ts";
import { readUntil, say } from "../../../support/duplex.ts";
import { until } from "../../../support/poll.ts";

/** Often, so that no test takes long; how often is of no matter to any of them. */
const PULSE: Pulse = { everyMs: 5, timeoutMs: 5 };
const NEVER = new AbortController().signal;
const NO_PULSE: Pulse = { everyMs: 3_600_000, timeoutMs: 5 };
const ENGINE = { kind: "docker" } as const;
const NO_GUEST = { kind: "none", status: 404, text: "" } as const;

interface Host {
  readonly dialer: Dialer;
  /** Whether the server answers, as the dialer finds; the dialer itself says yes without a look. */
  reaches(): Promise<boolean>;
  /** A transport that asks with `probe`. */
  transport(probe: EndpointParts["probe"], pulse?: Pulse): EndpointTransport;
  /** A stream that has said something. */
  stream(transport: EndpointTransport): Promise<Duplex>;
  /** Nobody is let in any more; who is in stays. */
  refuse(): void;
}

/** A server that says what it is told. */
async function withHost(body: (host: Host) => Promise<void>): Promise<void> {
  const sockets: Socket[] = [];
  const transports: EndpointTransport[] = [];
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    socket.on("error", () => {/* The client is gone, as the test means it to be. */});
    socket.on("data", (data) => void socket.write(data));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  const { port } = address;
  const closed = Promise.withResolvers<void>();
  server.on("close", closed.resolve);
  const dialer = await Dialer.open({ host: "127.0.0.1", port, serverName: "127.0.0.1" });
  const real = dialer.reaches.bind(dialer);
  // Whoever is in a hurry takes a busy machine for a silent one.
  Object.assign(dialer, { reaches: () => Promise.resolve(true) });
  const guest = new GuestKeeper(NO_GUEST, { name: "host", ask: () => Promise.resolve(NO_GUEST) });
  try {
    await body({
      dialer,
      reaches: () => real(NEVER),
      transport(probe, pulse = PULSE) {
        const parts = { description: "host", dialer, guest, probe, pulse };
        const transport = new EndpointTransport(parts);
        transports.push(transport);
        return transport;
      },
      async stream(transport) {
        const stream = await transport.open(ENGINE);
        await talk(stream);
        return stream;
      },
      refuse: () => void server.close(),
    });
  } finally {
    for (const transport of transports) transport.close();
    for (const socket of sockets) socket.destroy();
    if (server.listening) server.close();
    await closed.promise;
  }
}

async function talk(stream: Duplex): Promise<void> {
  await say(stream, "hello");
  await readUntil(stream, "hello");
}

async function assertLost(transport: EndpointTransport, words: RegExp): Promise<void> {
  const reason = await transport.closed;
  assert(reason instanceof AgentError);
  assertMatch(reason.message, words);
}

/** Counts how often it is called, and answers as it is told. */
function asked<T>(answer: (time: number) => Promise<T>) {
  let times = 0;
  return {
    ask: () => answer(++times),
    times: (count: number) => until(`${count} questions`, () => times >= count),
    count: () => times,
  };
}

const silent = () => Promise.reject(new Error("No answer"));
const fine = () => Promise.resolve();

Deno.test("a host that does not answer twice in a row is lost, with all its streams", async () => {
  await withHost(async ({ transport, stream }) => {
    let answers = true;
    const lost = transport(() => answers ? fine() : silent());
    const open = await stream(lost);
    // Who reads must not take it for the end of what was sent.
    const reading = assertRejects(() => open.read(), AgentError, "was lost");
    answers = false;
    await assertLost(lost, /^"host" does not answer any more$/);
    await reading;
    await open.closed;
    await assertRejects(() => lost.open(ENGINE), AgentError, "is closed");
  });
});

Deno.test("one question without an answer is lived through, again and again", async () => {
  await withHost(async ({ transport, stream }) => {
    const probe = asked((time) => time % 2 === 0 ? fine() : silent());
    const host = transport(probe.ask);
    const open = await stream(host);
    await probe.times(10);
    await talk(open);
    host.close();
    assertEquals(await host.closed, undefined);
    await open.closed;
  });
});

Deno.test("a host is asked only while streams are open", async () => {
  await withHost(async (idle) => {
    const unasked = asked(fine);
    idle.transport(unasked.ask);
    await withHost(async ({ transport, stream }) => {
      const probe = asked(fine);
      await stream(transport(probe.ask));
      await probe.times(5);
    });
    assertEquals(unasked.count(), 0);
  });
});

Deno.test("streams of a lost host live on while it answers, be it with refusals", async () => {
  await withHost(async ({ dialer, reaches, transport, stream, refuse }) => {
    const host = transport(fine);
    const open = await stream(host);
    refuse();
    let answers = true;
    // No server can be made to say nothing at all.
    const looks = asked((time) => answers && time % 2 === 0 ? reaches() : Promise.resolve(false));
    Object.assign(dialer, { reaches: looks.ask });
    const error = await assertRejects(() => host.open(ENGINE), AgentError, "connection refused");
    assertEquals((error as AgentError).kind, "lost");
    await assertLost(host, /connection refused/);
    await looks.times(6);
    await talk(open);
    answers = false;
    await open.closed;
  });
});

Deno.test("a transport that is closed lets go of what had lived on", async () => {
  await withHost(async ({ transport, stream, refuse }) => {
    const host = transport(fine);
    const open = await stream(host);
    refuse();
    await assertRejects(() => host.open(ENGINE), AgentError);
    await talk(open);
    host.close();
    await open.closed;
  });
});

Deno.test("where all streams end at once the host is asked; what answers may be another one", async () => {
  for (const answers of [true, false]) {
    await withHost(async ({ dialer, transport }) => {
      let allEnd = () => {};
      // Which ends are at once, is a matter of time.
      Object.assign(dialer, { watchEnds: (onAll: () => void) => allEnd = onAll });
      const host = transport(answers ? fine : silent, NO_PULSE);
      const before = host.streams;
      allEnd();
      if (answers) await until("they are others now", () => host.streams !== before);
      else await assertLost(host, /^"host" has ended all connections$/);
    });
  }
});
