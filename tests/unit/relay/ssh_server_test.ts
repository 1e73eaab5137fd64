import { Buffer } from "node:buffer";
import { generateKeyFiles } from "../../../lib/relay/key_pair.ts";
import { ciphersHooked } from "../../../lib/transport/ssh/ssh2.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../support/assert.ts";
import { until } from "../../support/poll.ts";
import {
  answered,
  converse,
  EchoSocket,
  type Keys,
  makeKeys,
  RelayClient,
  startServer,
} from "../../support/relay.ts";

/** A server in front of an echo, and a client of it. */
async function bench(options: Parameters<typeof startServer>[2] = {}) {
  const keys = await makeKeys();
  const echo = new EchoSocket(`${keys.directory}/echo.sock`);
  const server = await startServer(keys, [echo.path], options);
  return {
    keys,
    echo,
    server,
    client: () => RelayClient.open(server.port, keys.files.privateFile),
    async [Symbol.asyncDispose]() {
      await server.close();
      await echo[Symbol.asyncDispose]();
      await keys[Symbol.asyncDispose]();
    },
  };
}

function setKeys(keys: Keys, prefix: string): Promise<void> {
  return Deno.writeTextFile(
    keys.files.authorizedKeysFile,
    `${prefix} ${keys.files.publicLine}\n`,
  );
}

Deno.test("bytes go to an allowed socket and back, and each end ends by itself", async () => {
  await using it = await bench();
  await using client = await it.client();
  const bytes = crypto.getRandomValues(new Uint8Array(60_000));
  const answer = await converse(await client.socket(it.echo.path), bytes);
  assertEquals(Buffer.from(answer).equals(bytes), true);
  await until("it is counted", () => it.server.stats.snapshot().activeConnections === 0);
  const { totalConnections, bytesRead, bytesWritten } = it.server.stats.snapshot();
  assertEquals([totalConnections, bytesRead, bytesWritten], [1, 60_000, 60_000]);
});

Deno.test("a path counts once it is normalised, and no other path does", async () => {
  await using it = await bench();
  await using client = await it.client();
  const odd = it.echo.path.replace("/echo.sock", "/./x/..//echo.sock");
  assertEquals((await converse(await client.socket(odd), Buffer.from("hi"))).length, 2);
  for (const path of [`${it.keys.directory}/other.sock`, "echo.sock", `${it.echo.path}\0`, ""]) {
    await assertRejects(() => client.socket(path), Error, "open failure");
  }
  assertEquals(it.echo.accepted, 1);
});

Deno.test("no shell, no command, no sftp, no TCP, no remote listener", async () => {
  await using it = await bench();
  await using client = await it.client();
  const { inner } = client;
  await assertRejects(() => answered((done) => inner.shell(done)), Error, "open failure");
  await assertRejects(() => answered((done) => inner.exec("true", done)), Error, "open failure");
  await assertRejects(() => answered((done) => inner.sftp(done)), Error, "open failure");
  await assertRejects(() => client.tcp("127.0.0.1", it.server.port), Error, "open failure");
  await assertRejects(() => answered((done) => inner.forwardIn("127.0.0.1", 0, done)), Error);
  await assertRejects(
    () =>
      answered((done) =>
        inner.openssh_forwardInStreamLocal("/tmp/x.sock", (e) => done(e ?? undefined, 0))
      ),
    Error,
  );
  assertEquals((await converse(await client.socket(it.echo.path), Buffer.from("hi"))).length, 2);
});

Deno.test("TCP goes to listed addresses only, within the key's permitopen", async () => {
  using target = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = target.addr;
  await using it = await bench({ doors: { sockets: [], tcp: [`127.0.0.1:${port}`] } });
  {
    await using client = await it.client();
    const [channel, conn] = await Promise.all([client.tcp("127.0.0.1", port), target.accept()]);
    conn.close();
    channel.close();
    await assertRejects(() => client.tcp("127.0.0.1", it.server.port), Error, "open failure");
  }
  await setKeys(it.keys, 'permitopen="127.0.0.1:1"');
  await using client = await it.client();
  await assertRejects(() => client.tcp("127.0.0.1", port), Error, "open failure");
});

Deno.test("a socket nobody listens on is refused, and the client stays", async () => {
  await using it = await bench({ doors: { sockets: ["/nonexistent/x.sock"], tcp: [] } });
  await using client = await it.client();
  await assertRejects(() => client.socket("/nonexistent/x.sock"), Error, "open failure");
  const { socketErrors, lastError } = it.server.stats.snapshot();
  assertEquals(socketErrors, 1);
  assertStringIncludes(lastError, "No such file");
});

Deno.test("only a key of authorized_keys signs in, as its line allows", async () => {
  await using it = await bench();
  const stranger = await generateKeyFiles(`${it.keys.directory}/strange/id_ed25519`, "ed25519");
  const { port } = it.server;
  await assertRejects(() => RelayClient.open(port, stranger.privateFile), Error);

  for (const prefix of ['from="10.0.0.0/8"', 'expiry-time="20200101"', 'command="true"', "#"]) {
    await setKeys(it.keys, prefix);
    await assertRejects(() => it.client(), Error);
  }
  await setKeys(it.keys, 'from="127.0.0.0/8"');
  await (await it.client())[Symbol.asyncDispose]();

  await setKeys(it.keys, "restrict");
  await using client = await it.client();
  await assertRejects(() => client.socket(it.echo.path), Error, "open failure");
});

Deno.test("an authorized_keys file that others may write to lets nobody in", async () => {
  await using it = await bench();
  await Deno.chmod(it.keys.files.authorizedKeysFile, 0o664);
  await assertRejects(() => it.client(), Error);
  await Deno.chmod(it.keys.files.authorizedKeysFile, 0o600);
  await (await it.client())[Symbol.asyncDispose]();
});

Deno.test("connections beyond the limit are refused until one ends", async () => {
  await using it = await bench({ maxConnections: 2 });
  await using client = await it.client();
  const [first] = [await client.socket(it.echo.path), await client.socket(it.echo.path)];
  await assertRejects(() => client.socket(it.echo.path), Error, "open failure");
  assert(first);
  await converse(first, Buffer.from("bye"));
  await until("one has ended", () => it.server.stats.active === 1);
  await converse(await client.socket(it.echo.path), Buffer.from("hi"));
});

Deno.test("the host key is made once, for its owner alone", async () => {
  await using keys = await makeKeys();
  const path = `${keys.directory}/host_ed25519`;
  const once = async () => {
    await (await startServer(keys, [])).close();
    return await Deno.readTextFile(path);
  };
  const first = await once();
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  assertEquals(await once(), first);
  await Deno.chmod(path, 0o644);
  await assertRejects(() => startServer(keys, []), Error, "others may read it");
  await Deno.writeTextFile(path, "nonsense");
  await Deno.chmod(path, 0o600);
  await assertRejects(() => startServer(keys, []), Error, "not a private key");
});

Deno.test("a client that leaves takes its connections with it", async () => {
  await using it = await bench();
  const client = await it.client();
  await client.socket(it.echo.path);
  await until("the echo has it", () => it.echo.open === 1);
  client.inner.destroy();
  await until("the echo is rid of it", () => it.echo.open === 0);
  await until("the server is rid of it", () => it.server.stats.active === 0);
});

Deno.test("a crowd that says nothing keeps nobody out, and is dropped in time", async () => {
  await using it = await bench({ connectTimeoutMs: 8_000 });
  const silent: Deno.Conn[] = [];
  for (let i = 0; i < 500; i++) {
    silent.push(await Deno.connect({ hostname: "127.0.0.1", port: it.server.port }));
  }
  await using client = await it.client();
  await converse(await client.socket(it.echo.path), Buffer.from("hi"));
  const buffer = new Uint8Array(64);
  for (const conn of silent) {
    // The server's greeting may have come before the end.
    for (;;) if ((await conn.read(buffer).catch(() => null)) === null) break;
    conn.close();
  }
});

Deno.test("garbage and half handshakes leave it serving", async () => {
  await using it = await bench({ connectTimeoutMs: 8_000 });
  const { port } = it.server;
  for (let round = 0; round < 150; round++) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await conn.write(garbage(round)).catch(() => 0);
    if (round % 3 !== 0) await conn.read(new Uint8Array(256)).catch(() => null);
    conn.close();
  }
  await using client = await it.client();
  await converse(await client.socket(it.echo.path), Buffer.from("hi"));
});

/** Bytes that are ever more like SSH: noise, a greeting and noise, a damaged first packet. */
function garbage(round: number): Uint8Array<ArrayBuffer> {
  const noise = crypto.getRandomValues(new Uint8Array(1 + (round * 37) % 3000));
  if (round % 3 === 0) return noise;
  const greeting = Buffer.from("SSH-2.0-OpenSSH_9.2\r\n");
  const head = Buffer.alloc(6);
  head.writeUInt32BE(round % 2 === 0 ? noise.length + 1 : 0xffff_ffff - round);
  head[4] = round % 17;
  head[5] = round % 3 === 1 ? 20 : round % 256;
  return Uint8Array.from(Buffer.concat([greeting, head, noise]));
}

Deno.test("the server has the ciphers that leave nothing behind", () => {
  assertEquals(ciphersHooked, true);
});

Deno.test("a socket that ends first still gets what the client goes on to send", async () => {
  await using keys = await makeKeys();
  const path = `${keys.directory}/deaf.sock`;
  using listener = Deno.listen({ transport: "unix", path });
  const server = await startServer(keys, [path]);
  try {
    await using client = await RelayClient.open(server.port, keys.files.privateFile);
    const [channel, conn] = await Promise.all([client.socket(path), listener.accept()]);
    const ended = new Promise<void>((resolve) => channel.once("end", () => resolve()));
    channel.resume();
    await conn.closeWrite();
    await ended;
    channel.end("still here");
    const buffer = new Uint8Array(64);
    let text = "";
    for (let count; (count = await conn.read(buffer)) !== null;) {
      text += new TextDecoder().decode(buffer.subarray(0, count));
    }
    conn.close();
    assertEquals(text, "still here");
  } finally {
    await server.close();
  }
});
