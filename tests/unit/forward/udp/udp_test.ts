import { logger } from "../../../../lib/log.ts";
import { encodeFrame, FrameReader } from "../../../../lib/forward/udp/frame.ts";
import { NO_UDP, NO_UDP_SHELL, UdpRelay } from "../../../../lib/forward/udp/relay.ts";
import { assert, assertEquals } from "../../../support/assert.ts";
import { binding, testManager } from "../support.ts";
import { echoServer, has, localShell, udpClient, utf8 } from "./support.ts";

const web = { id: "web", name: "web" };

for (const interpreter of ["python3", "perl"] as const) {
  Deno.test({
    name: `datagrams there and back through the ${interpreter} relay`,
    ignore: !has(interpreter),
    async fn() {
      await using remote = localShell(interpreter);
      const { shell, spawned } = remote;
      await using echo = await echoServer();
      await using manager = testManager({ findShell: () => Promise.resolve(shell) });
      const [published] = await manager.reserve(web, [binding({ protocol: "udp" })]);
      const port = published?.local.port ?? 0;
      manager.activate(web.id, new Map([["80/udp", echo]]));
      await using one = await udpClient(port);
      await using two = await udpClient(port);
      assertEquals(await one.ask(utf8("one")), "echo:3:one");
      assertEquals(await two.ask(utf8("two")), "echo:3:two");
      assertEquals(await one.ask(new Uint8Array(0)), "echo:0:");
      const large = new Uint8Array(60_000).fill(0x41);
      assertEquals(await one.ask(large), "echo:60000:AAAAAAAA");
      assertEquals(manager.snapshot()[0]?.connections, { open: 2, total: 2 });
      assertEquals(spawned.length, 1);
    },
  });

  Deno.test({
    name: `the ${interpreter} relay is started again after it was lost`,
    ignore: !has(interpreter),
    async fn() {
      await using remote = localShell(interpreter);
      const { shell, spawned } = remote;
      await using echo = await echoServer();
      await using manager = testManager({ findShell: () => Promise.resolve(shell) });
      const [published] = await manager.reserve(web, [binding({ protocol: "udp" })]);
      manager.activate(web.id, new Map([["80/udp", echo]]));
      await using client = await udpClient(published?.local.port ?? 0);
      await client.ask(utf8("before"));
      spawned[0]?.kill("SIGKILL");
      await spawned[0]?.status;
      assertEquals(await client.ask(utf8("after")), "echo:5:after");
      assertEquals(spawned.length, 2);
    },
  });
}

Deno.test("a remote host with neither interpreter is told of, in the warnings too", async () => {
  await using remote = localShell("none");
  const { shell } = remote;
  await using manager = testManager({ findShell: () => Promise.resolve(shell) });
  const bindings = [
    binding({ protocol: "udp", containerPort: 53 }),
    binding({ protocol: "sctp", containerPort: 54 }),
    binding(),
    binding({ hostIp: "203.0.113.9" }),
  ];
  assertEquals(await manager.warnings(bindings), [
    `Published port 53/udp cannot be reached from here: ${NO_UDP}`,
    "Published port 54/sctp cannot be reached from here: SCTP is not forwarded",
    'Published port 80/tcp: "203.0.113.9" is not an address of this machine: the port is ' +
    'published on "127.0.0.1" instead',
  ]);
});

Deno.test("a transport without commands says so", async () => {
  const relay = new UdpRelay(() => Promise.resolve(undefined), logger("test"));
  assertEquals(await relay.unavailable(), NO_UDP_SHELL);
  await relay.close();
});

Deno.test("frames are found again however they are cut", () => {
  const datagrams = [utf8("one"), new Uint8Array(0), new Uint8Array(3_000).fill(7)];
  const parts = datagrams.map((data, id) => encodeFrame("D", id + 1, data));
  const stream = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    stream.set(part, at);
    at += part.length;
  }
  for (const step of [1, 2, 6, 7, 8, 4096, stream.length]) {
    const reader = new FrameReader();
    const frames = [];
    for (let from = 0; from < stream.length; from += step) {
      frames.push(...reader.push(stream.slice(from, from + step)));
    }
    assertEquals(frames.map(({ id }) => id), [1, 2, 3]);
    assert(frames.every(({ data }, n) => data.length === datagrams[n]?.length));
  }
});
