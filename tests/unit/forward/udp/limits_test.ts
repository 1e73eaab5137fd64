/** Datagrams that cannot be sent on, and local ports that cannot be had. */
import { createSocket } from "node:dgram";
import { BindError } from "../../../../lib/forward/bind_error.ts";
import { type UdpCarrier, UdpRelay } from "../../../../lib/forward/udp/relay.ts";
import { TunnelUdp } from "../../../../lib/forward/udp/tunnel.ts";
import { logger } from "../../../../lib/log.ts";
import { LengthFrames } from "../../../../lib/net/length_frame.ts";
import { memoryPair } from "../../../../lib/net/memory.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { freePort } from "../../../support/free_ports.ts";
import { until } from "../../../support/poll.ts";
import { binding, LOOPBACK, testManager } from "../support.ts";
import { echoServer, has, localShell } from "./support.ts";

/** The largest payload over IPv4 and over IPv6; what a frame of the relay can hold; and beyond. */
const [MAX_IPV4, MAX_IPV6, MAX_FRAME] = [65_507, 65_527, 65_530];
const TOO_LONG = [MAX_IPV4 + 1, MAX_IPV6, MAX_FRAME, MAX_FRAME + 1, 65_536, 70_000];

/** Closed at the end, whatever comes of the test. */
function closing<T extends UdpCarrier>(carrier: T): T & AsyncDisposable {
  return Object.assign(carrier, { [Symbol.asyncDispose]: () => carrier.close() });
}

for (const interpreter of ["python3", "perl"] as const) {
  Deno.test({
    name: `datagrams beyond the limit are dropped, and the ${interpreter} relay goes on`,
    ignore: !has(interpreter),
    async fn() {
      await using remote = localShell(interpreter);
      const { shell, spawned } = remote;
      await using echo = await echoServer();
      await using relay = closing(new UdpRelay(() => Promise.resolve(shell), logger("test")));
      const answers = new Set<string>();
      const flow = relay.open(echo, (data) => answers.add(new TextDecoder().decode(data)));
      for (const length of TOO_LONG) flow.send(new Uint8Array(length).fill(0x42));
      for (const length of [MAX_IPV4, 3]) {
        // Sent until it is answered, as UDP's clients do; what was too long came before.
        await until(`an answer to ${length} bytes`, () => {
          flow.send(new Uint8Array(length).fill(0x41));
          return [...answers].some((text) => text.startsWith(`echo:${length}:`));
        });
      }
      assertEquals([...answers], [`echo:${MAX_IPV4}:AAAAAAAA`, "echo:3:AAA"]);
      assertEquals(spawned.length, 1);
    },
  });
}

Deno.test("datagrams beyond the limit do not get into a tunnel", async () => {
  const [near, far] = memoryPair();
  await using udp = closing(new TunnelUdp(() => Promise.resolve(near), logger("test")));
  const flow = udp.open({ host: LOOPBACK, port: 9 }, () => {});
  const lengths = [MAX_IPV4, ...TOO_LONG, 0, 3];
  for (const length of lengths) flow.send(new Uint8Array(length));
  const frames = new LengthFrames();
  const seen: number[] = [];
  while (seen.length < 3) {
    const chunk = await far.read();
    assert(chunk !== null);
    seen.push(...frames.push(chunk).map((data) => data.length));
  }
  assertEquals(seen, [MAX_IPV4, 0, 3]);
  far.close();
});

/** A UDP port that another socket of this machine holds, one that would share it. */
async function heldPort() {
  const socket = createSocket({ type: "udp4", reuseAddr: true });
  const port = freePort();
  await new Promise<void>((resolve) => socket.bind({ address: LOOPBACK, port }, resolve));
  let isOpen = true;
  const close = async () => {
    if (isOpen) await new Promise<void>((resolve) => socket.close(() => resolve()));
    isOpen = false;
  };
  return { port, close, [Symbol.asyncDispose]: close };
}

Deno.test("a UDP port of another process: the text of the userland proxy, and none is kept", async () => {
  await using manager = testManager();
  await using held = await heldPort();
  const { port } = held;
  const web = { id: "web", name: "web" };
  const free = binding({ containerPort: 81, protocol: "udp" });
  const taken = binding({ protocol: "udp", hostPort: `${port}` });
  const error = await assertRejects(() => manager.reserve(web, [free, taken]), BindError);
  assert(error instanceof BindError);
  const subject = { protocol: "udp", host: LOOPBACK, port } as const;
  assertEquals([error.reason, error.subject], ["in-use", subject]);
  assertEquals(
    error.engineText(),
    `Error starting userland proxy: listen udp4 127.0.0.1:${port}: bind: address already in use`,
  );
  assertEquals(manager.snapshot(), []);
  // The same number is free for TCP, and the next one of a range for UDP.
  const [tcp] = await manager.reserve(web, [binding({ hostPort: `${port}` })]);
  assertEquals(tcp?.local.port, port);
  const range = binding({ protocol: "udp", hostPort: `${port}-${port + 20}` });
  const [next] = await manager.reserve({ id: "next", name: "next" }, [range]);
  assert(next !== undefined && next.local.port > port);
  await held.close();
  const [given] = await manager.reserve({ id: "later", name: "later" }, [taken]);
  assertEquals(given?.local.port, port);
});
