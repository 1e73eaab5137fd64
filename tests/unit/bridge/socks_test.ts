import { createSocket } from "node:dgram";
import { NoGuestError } from "../../../lib/transport/guest/no_guest.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { askUdp, RawClient, socksReply } from "../../support/bridge.ts";
import { readAll, say } from "../../support/duplex.ts";
import { openBridge, openFailed } from "./support.ts";
import { AgentError } from "../../../lib/errors.ts";

const ascii = (text: string) => [...new TextEncoder().encode(text)];
const decoder = new TextDecoder();
const GREETING = [5, 1, 0];
/** CONNECT to the name `web:80`. */
const CONNECT = [5, 1, 0, 3, 3, ...ascii("web"), 0, 80];
const SUCCEEDED = [5, 0, 0, 1, 0, 0, 0, 0, 0, 0];

Deno.test("the name is sent on as it is, and half-closes pass in both directions", async () => {
  await using bridge = await openBridge({
    async network(_host, _port, stream) {
      const heard = await readAll(stream);
      await say(stream, `heard ${heard}`);
      await stream.closeWrite();
    },
  });
  using client = await RawClient.open(bridge.socks);
  // All in one piece, as a client in a hurry may send it.
  await client.write(...GREETING, ...CONNECT, ...ascii("early "));
  assertEquals(await client.read(2), [5, 0]);
  assertEquals(await client.read(10), SUCCEEDED);
  await client.write(...ascii("late"));
  await client.closeWrite();
  assertEquals(await client.read(100), ascii("heard early late"));
  assertEquals(bridge.targets, [{ kind: "tcp", host: "web", port: 80 }]);
});

Deno.test("a handshake may come byte by byte", async () => {
  await using bridge = await openBridge({ network: (_host, _port, stream) => stream.close() });
  using client = await RawClient.open(bridge.socks);
  for (const byte of [...GREETING, ...CONNECT]) await client.write(byte);
  assertEquals(await client.read(12), [5, 0, ...SUCCEEDED]);
});

Deno.test("what the SSH server says becomes the reply of the standard", async () => {
  const cases: [() => Error, number][] = [
    [() => openFailed("Connection refused"), 5],
    [() => openFailed("Name or service not known"), 4],
    [() => openFailed("No route to host"), 4],
    [() => openFailed("Network is unreachable"), 3],
    [() => openFailed("Connection timed out"), 4],
    [() => openFailed("open failed"), 1],
    [() => openFailed("open failed", 1), 2],
    [() => new NoGuestError('"web:80"', "the gateway leads to Docker only"), 3],
    [() => new AgentError("lost", "The remote host is not connected yet"), 4],
  ];
  for (const [error, expected] of cases) {
    await using bridge = await openBridge({
      network() {
        throw error();
      },
    });
    const reply = await socksReply(bridge.socks, { host: "web", port: 80 });
    assertEquals(reply, expected, error().message);
  }
});

Deno.test("bytes that are no SOCKS 5 end the connection and nothing else", async () => {
  await using bridge = await openBridge({ network: (_host, _port, stream) => stream.close() });
  const cases: [string, number[], number[]][] = [
    ["SOCKS 4", [4, 1, 0, 80, 10, 0, 0, 1, 0], []],
    ["HTTP", ascii("GET / HTTP/1.1\r\n\r\n"), []],
    ["TLS", [0x16, 3, 1, 0, 5], []],
    ["no method that would do", [5, 1, 2], [5, 255]],
    ["no method at all", [5, 0], [5, 255]],
    ["another version in the request", [...GREETING, 4, 1, 0, 1, 1], [5, 0]],
    ["BIND", [...GREETING, 5, 2, ...CONNECT.slice(2)], [5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0]],
    ["an odd address type", [...GREETING, 5, 1, 0, 9, 1], [5, 0, 5, 8, 0, 1, 0, 0, 0, 0, 0, 0]],
    ["an empty name", [...GREETING, 5, 1, 0, 3, 0, 0, 80], [5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0]],
    ["a name with a line break", [...GREETING, 5, 1, 0, 3, 2, 97, 10, 0, 80], [
      ...[5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0],
    ]],
    ["port 0", [...GREETING, 5, 1, 0, 1, 10, 0, 0, 1, 0, 0], [
      ...[5, 0, 5, 1, 0, 1, 0, 0, 0, 0, 0, 0],
    ]],
    ["UDP without a shell", [...GREETING, 5, 3, ...CONNECT.slice(2)], [
      ...[5, 0, 5, 7, 0, 1, 0, 0, 0, 0, 0, 0],
    ]],
  ];
  for (const [what, bytes, expected] of cases) {
    using client = await RawClient.open(bridge.socks);
    await client.write(...bytes);
    await client.closeWrite();
    assertEquals(await client.read(64), expected, what);
  }
  assertEquals(bridge.targets, []);
  assertEquals(await socksReply(bridge.socks, { host: "web", port: 80 }), 0);
});

Deno.test("noise harms nobody else", async () => {
  await using bridge = await openBridge({
    network: (_host, _port, stream) => stream.close(),
  });
  // The same noise each time (a linear congruential generator).
  let seed = 7;
  const random = (below: number) => (seed = (seed * 1_103_515_245 + 12_345) % 2 ** 31) % below;
  const starts = [
    [],
    GREETING,
    [...GREETING, 5, 1, 0, 3],
    ascii("CONNECT "),
    ascii("GET http://a"),
  ];
  for (let count = 0; count < 100; count++) {
    const noise = Array.from({ length: random(300) }, () => random(256));
    const bytes = [...starts[random(starts.length)] ?? [], ...noise];
    for (const port of [bridge.socks, bridge.http]) {
      using client = await RawClient.open(port);
      // It may be sent away before it has said all.
      await client.write(...bytes).catch(() => {});
      await client.closeWrite().catch(() => {});
      await client.read(1024).catch(() => []);
    }
  }
  assertEquals(await socksReply(bridge.socks, { host: "web", port: 80 }), 0);
});

Deno.test("a client that leaves in the handshake opens nothing", async () => {
  await using bridge = await openBridge();
  for (let length = 0; length < GREETING.length + CONNECT.length; length++) {
    using client = await RawClient.open(bridge.socks);
    await client.write(...[...GREETING, ...CONNECT].slice(0, length));
    await client.closeWrite();
    await client.read(64).catch(() => []); // a reset will do as well
  }
  assertEquals(bridge.targets, []);
});

Deno.test("with users, a password is needed before anything else", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "dev:secret\n");
    await Deno.chmod(path, 0o600);
    await using bridge = await openBridge({
      usersFile: path,
      network: (_host, _port, stream) => stream.close(),
    });
    const attempt = async (methods: number[], user: string, password: string) => {
      using client = await RawClient.open(bridge.socks);
      await client.write(5, methods.length, ...methods);
      const [, method] = await client.read(2);
      if (method !== 2) return [method];
      await client.write(1, user.length, ...ascii(user), password.length, ...ascii(password));
      const [, status] = await client.read(2);
      if (status === 0) await client.write(...CONNECT);
      return [method, status, ...(await client.read(10)).slice(1, 2)];
    };
    assertEquals(await attempt([0], "", ""), [255]);
    assertEquals(await attempt([0, 2], "dev", "wrong"), [2, 1]);
    assertEquals(await attempt([2], "", ""), [2, 1]);
    assertEquals(bridge.targets, []);
    assertEquals(await attempt([0, 2], "dev", "secret"), [2, 0, 0]);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("a stream that is cut over there is a reset here, never an orderly end", async () => {
  await using bridge = await openBridge({
    async network(_host, _port, stream) {
      await say(stream, "half of");
      await stream.read();
      throw new AgentError("lost", "Lost the connection");
    },
  });
  using client = await RawClient.open(bridge.socks);
  await client.write(...GREETING, ...CONNECT);
  assertEquals(await client.read(19), [5, 0, ...SUCCEEDED, ...ascii("half of")]);
  await client.write(1);
  await assertRejects(() => client.read(1), Deno.errors.ConnectionReset);
});

Deno.test("what is refused by rule is never asked for", async () => {
  await using bridge = await openBridge({ rules: ["10.0.0.0/8=through", "*=refuse"] });
  assertEquals(await socksReply(bridge.socks, { host: "web", port: 80 }), 2);
  assertEquals(await socksReply(bridge.socks, { host: "fd00::1", port: 80 }), 2);
  assertEquals(bridge.targets, []);
});

Deno.test("a direct destination is dialed from here", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepted = server.accept();
  await using bridge = await openBridge({ rules: ["127.0.0.0/8=direct"] });
  const to = { host: "127.0.0.1", port: server.addr.port };
  assertEquals(await socksReply(bridge.socks, to), 0);
  (await accepted).close();
  server.close();
  assertEquals(await socksReply(bridge.socks, to), 5);
  assert(bridge.targets.length === 0);
});

Deno.test("a direct destination gets its datagrams from here", async () => {
  const server = createSocket("udp4");
  await new Promise<void>((bound) => server.bind(0, "127.0.0.1", bound));
  server.on("message", (data, from) => {
    server.send(`heard ${decoder.decode(data)}`, from.port, from.address);
  });
  const { port } = server.address();
  try {
    await using bridge = await openBridge({
      rules: ["127.0.0.0/8=direct"],
      datagrams: true,
    });
    assertEquals(await askUdp(bridge.socks, { host: "127.0.0.1", port }, "hi"), "heard hi");
    assertEquals(bridge.targets, []);
  } finally {
    await new Promise<void>((done) => server.close(() => done()));
  }
});
