/** Whom the gateway lets in, and to what: each refusal with its reason in the log, and nowhere else. */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { runCommand } from "../support/child.ts";
import { type Child } from "../support/child.ts";
import { GatewayHouse, type RawTls } from "../support/gateway.ts";
import { until } from "../support/poll.ts";

/** Two hosts, of which `alice` may use the first and `bob` the second. */
async function withTwoHosts(
  body: (house: GatewayHouse, gateway: Child) => Promise<void>,
  limits = "",
): Promise<void> {
  await using house = await GatewayHouse.open();
  await house.configure(twoHosts(house) + limits);
  await body(house, await house.start());
}

function twoHosts(house: GatewayHouse): string {
  return `client_ca: ${house.caFile}
hosts:
  a.containers.test: {engine: "unix://${house.engine("a")}"}
  b.containers.test: {engine: "unix://${house.engine("b")}"}
clients:
  - {name: alice, hosts: a.containers.test, access: full}
  - {name: bob, hosts: b.containers.test, access: full}
`;
}

function statusOf(answer: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(answer)?.[1] ?? 0);
}

function messageIn(answer: string): string {
  return /"message":"((?:[^"\\]|\\.)*)"/.exec(answer)?.[1]?.replaceAll("\\", "") ?? "";
}

Deno.test("a gateway tells nobody in why, and its log everything", async () => {
  await withTwoHosts(async (house, gateway) => {
    const alice = await house.client("alice");
    const answer = await house.get(alice);
    assertEquals(statusOf(answer), 200);
    assertMatch(answer, /OK from a/);

    const nobody = async (identity: typeof alice | undefined, reason: string) => {
      assertEquals(await house.get(identity), "");
      await gateway.waitFor(new RegExp(`"Refused a client".*"reason":"${reason}`));
    };
    await nobody(undefined, "no certificate");
    await nobody(await house.stranger("alice"), "no authority of ours has signed");
    await nobody(
      house.server,
      "the certificate is not for clients",
    );
    // Certificates begin five minutes ago; this one has ended a minute and a half ago.
    await nobody(await house.client("eve", -0.001), "the certificate has expired");

    const old = await runCommand("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${house.port}`, "-tls1_1"],
      ...["-cipher", "ALL:@SECLEVEL=0", "-cert", alice.certFile, "-key", alice.keyFile],
    ], { stdin: "" });
    assertMatch(old.stderr + old.stdout, /alert|no protocols/);
    await gateway.waitFor(/"Refused a client".*(incompatible|protocol|version)/i);
    assertEquals(house.seen, ["a GET /_ping"]);
  });
});

Deno.test("a certificate is good for its own host, whatever a request says", async () => {
  await withTwoHosts(async (house, gateway) => {
    const alice = await house.client("alice");
    const refusals: [string, string, number][] = [
      // The handshake, the Host field, the status.
      ["b.containers.test", "b.containers.test", 403],
      ["none.containers.test", "none.containers.test", 403],
      ["a.containers.test", "b.containers.test", 421],
      ["b.containers.test", "a.containers.test", 421],
      ["a.containers.test", "", 421],
      ["a.containers.test", "a.containers.test@b.containers.test", 421],
      ["a.containers.test", "docker", 421],
    ];
    const answers = new Map<string, string>();
    for (const [serverName, host, status] of refusals) {
      const text = `GET /_ping HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
      const answer = await house.ask(alice, text, serverName);
      assertEquals(statusOf(answer), status, `${serverName} ${host}`);
      answers.set(serverName, messageIn(answer).replace(serverName, "HOST"));
    }
    // A host of somebody else and no host at all look the same.
    assertEquals(answers.get("none.containers.test"), 'The client certificate may not use "HOST"');
    await gateway.waitFor(/"host":"b.containers.test","status":403.*no rule lets this client/);
    await gateway.waitFor(/"host":"none.containers.test","status":403.*there is no such host/);
    const named = "GET /_ping HTTP/1.1\r\nHost: A.containers.test:443\r\nConnection: close\r\n\r\n";
    assertEquals(statusOf(await house.ask(alice, named)), 200);
    assertEquals(house.seen, ["a GET /_ping"]);
  });
});

Deno.test("paths that could mean two things get no further", async () => {
  await withTwoHosts(async (house, gateway) => {
    const alice = await house.client("alice");
    const targets = [
      "/v1.45/../tinyscale/v1/info",
      "/v1.45/%2e%2e/tinyscale",
      "//_ping",
      "/containers%2Fjson",
      "/a\\b",
      "/a%00",
      "http://b.containers.test/_ping",
    ];
    for (const target of targets) {
      const text = `GET ${target} HTTP/1.1\r\nHost: a.containers.test\r\n\r\n`;
      assertEquals(statusOf(await house.ask(alice, text)), 400, target);
    }
    for (const target of ["b.containers.test:443", "/_ping", "*"]) {
      const text = `CONNECT ${target} HTTP/1.1\r\nHost: a.containers.test\r\n\r\n`;
      assertEquals(statusOf(await house.ask(alice, text)), 400, target);
    }
    assertEquals(statusOf(await house.get(alice, "/%74inyscale/v1/info")), 400);
    assertEquals(statusOf(await house.get(alice, "/tinyscale/v2/info")), 404);
    assertEquals(house.seen, []);
    await gateway.waitFor(/"status":400.*"reason":"The path has a dot segment"/);
  });
});

Deno.test("a request that two servers could frame differently ends its connection", async () => {
  await withTwoHosts(async (house) => {
    const alice = await house.client("alice");
    const fields = [
      "Content-Length: 5\r\nTransfer-Encoding: chunked",
      "Content-Length: 5\r\nContent-Length: 6",
      "Transfer-Encoding: chunked, identity",
      "Transfer-Encoding : chunked",
      "Content-Length: +5",
      "X-A: b\r\n folded: c",
      "Host: b.containers.test",
    ];
    for (const field of fields) {
      const text = `POST /x HTTP/1.1\r\nHost: a.containers.test\r\n${field}\r\n\r\n0\r\n\r\n` +
        "GET /smuggled HTTP/1.1\r\nHost: a.containers.test\r\n\r\n";
      const answer = await house.ask(alice, text);
      assert([400, 501].includes(statusOf(answer)), `${field}: ${answer}`);
    }
    assertEquals(statusOf(await house.ask(alice, "\x16\x03\x01 what is this\r\n\r\n")), 400);
    assertEquals(statusOf(await house.ask(alice, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")), 400);
    assertEquals(house.seen, []);
  });
});

Deno.test("what a client says about itself does not arrive, and what is known does", async () => {
  await using house = await GatewayHouse.open();
  await Deno.writeTextFile(`${house.directory}/token`, "s3cret\n");
  await house.configure(`client_ca: ${house.caFile}
hosts:
  a.containers.test:
    engine: unix://${house.engine("a")}
    guest: unix://${house.engine("guest")}
    guest_token_file: token
clients: [{name: alice, hosts: a.containers.test, access: full, guest: exec}]
`);
  const gateway = await house.start();
  const alice = await house.client("alice");
  const ask = (path: string) =>
    house.ask(
      alice,
      `GET ${path} HTTP/1.1\r\nHost: a.containers.test\r\nX-Client-Certificate-Name: root\r\n` +
        "x_client_certificate_name: root\r\nAuthorization: Bearer mine\r\nKeep-Alive: 5\r\n" +
        "Connection: close, X-Client-Certificate-Name, X-Gone\r\nX-Gone: 1\r\nX-Kept: 1\r\n\r\n",
    );
  const engine = await ask("/_ping");
  assertMatch(engine, /OK from a[\s\S]*host: localhost\n[\s\S]*x-kept: 1/);
  assert(!/certificate|x-gone|s3cret|keep-alive: 5/i.test(engine), engine);
  const guest = await ask("/tinyscale/v1/info");
  assertMatch(guest, /OK from guest[\s\S]*authorization: Bearer s3cret/);
  assertMatch(guest, /x-client-certificate-fingerprint: [0-9a-f]{64}\n/);
  assertMatch(guest, /x-client-certificate-name: alice\n/);
  assertEquals(statusOf(await ask("/tinyscale/v1/tunnel/tcp:localhost:80")), 403);
  assertEquals(house.seen, ["a GET /_ping", "guest GET /tinyscale/v1/info"]);
  // The last line of all that was asked here.
  await gateway.waitFor(/tunnel\/tcp:localhost:80.*"status":403.*\n/);
  const { output } = gateway.soFar;
  assert(!output.includes("s3cret") && !output.includes("mine"));
});

Deno.test("a client that takes its time is not waited for", async () => {
  await withTwoHosts(async (house, gateway) => {
    const alice = await house.client("alice");
    const silent = await Deno.connect({ hostname: "127.0.0.1", port: house.port });
    const slow = await house.connect(alice);
    slow.write("GET /_ping HTTP/1.1\r\nHost: a.conta");
    const idle = await house.connect(alice);
    assertEquals(statusOf(await slow.rest()), 408);
    assertEquals(await idle.rest(), "");
    assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
    silent.close();
    await gateway.waitFor(/"Ended a connection".*"reason":"read_timeout"/);
    await gateway.waitFor(/"Ended a connection".*"reason":"idle_timeout"/);
    await gateway.waitFor(/"Refused a client".*handshake timeout/i);
  }, "limits: {header_timeout: 1s, idle_timeout: 5s, handshake_timeout: 8s}\n");
});

Deno.test("one certificate has its share of connections and requests, and no more", async () => {
  const limits = "limits: {connections_per_client: 5, requests_per_second: 8}\n";
  await withTwoHosts(async (house, gateway) => {
    const alice = await house.client("alice");
    const bob = await house.client("bob");
    const open: RawTls[] = [];
    const knock = async () => {
      const connection = await house.connect(alice);
      open.push(connection);
      return connection;
    };
    for (let i = 0; i < 5; i++) await knock();
    for (let i = 0; i < 40; i++) assertEquals(await (await knock()).rest(), "");
    assertEquals(statusOf(await house.get(bob, "/_ping", "b.containers.test")), 200);
    await gateway.waitFor(/"client":"bob".*"status":200.*\n/);
    const refusals = gateway.soFar.output.match(/"reason":"the client has 5 connections"/g);
    assertEquals(refusals?.length, 1, "one line for a series of refusals");
    for (const connection of open) connection.close();
    await until("the places are free again", async () => statusOf(await house.get(alice)) === 200);
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const connection = await house.connect(bob, "b.containers.test").catch(() => undefined);
        connection?.write(
          "GET /_ping HTTP/1.1\r\nHost: b.containers.test\r\nConnection: close\r\n\r\n",
        );
        return statusOf(await connection?.rest() ?? "");
      }),
    );
    // Some found no place, and some came too fast; nobody was served beyond the limits.
    assert(statuses.every((status) => [0, 200, 429].includes(status)), statuses.join());
    const text = "GET /_ping HTTP/1.1\r\nHost: b.containers.test\r\n\r\n".repeat(500);
    const begun = performance.now();
    const answer = await house.ask(bob, text, "b.containers.test");
    const seconds = (performance.now() - begun) / 1_000;
    const served = answer.match(/HTTP\/1\.1 200/g)?.length ?? 0;
    assert(served <= 8 * (1 + seconds), `${served} were served in ${seconds} s`);
    assertMatch(answer, /HTTP\/1\.1 429 [\s\S]*"Too many requests from this client"/);
    await gateway.waitFor(/over the limit of requests/);
  }, limits);
});

Deno.test("a reload ends what is not allowed any more, and a bad one changes nothing", async () => {
  await withTwoHosts(async (house, gateway) => {
    const [alice, bob] = [await house.client("alice"), await house.client("bob")];
    const ping = (host: string) => `GET /_ping HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
    const [ours, theirs] = [
      await house.connect(alice),
      await house.connect(bob, "b.containers.test"),
    ];
    ours.write(ping("a.containers.test"));
    theirs.write(ping("b.containers.test"));
    await until(
      "both are served",
      () => /OK from a/.test(ours.received) && /OK/.test(theirs.received),
    );

    const text = await Deno.readTextFile(house.configFile);
    await Deno.writeTextFile(house.configFile, `${text}nonsense: 1\n`);
    gateway.kill("SIGHUP");
    await gateway.waitFor(/Keeping the configuration as it was.*unknown key \\"nonsense\\"/);
    assertEquals(statusOf(await house.get(alice)), 200);
    await Deno.writeTextFile(house.configFile, text.replace(/cert: .*/, "cert: /nowhere.pem"));
    gateway.kill("SIGHUP");
    await gateway.waitFor(/Keeping the configuration as it was.*no such file/);
    assertEquals(statusOf(await house.get(alice)), 200);

    await Deno.writeTextFile(house.configFile, text.replace(/.*name: alice.*\n/, ""));
    gateway.kill("SIGHUP");
    await gateway.waitFor(/Took over a new configuration.*"ended":1/);
    assertMatch(await ours.rest(), /OK from a/);
    assertEquals(statusOf(await house.get(alice)), 403);
    theirs.write(ping("b.containers.test"));
    await until(
      "the other is still served",
      () => theirs.received.match(/OK from b/g)?.length === 2,
    );
    theirs.close();
  });
});

Deno.test("authorities come and go, and the server's certificate with them", async () => {
  await using house = await GatewayHouse.open();
  const stranger = await house.stranger("alice");
  const elsewhere = `${house.directory}/elsewhere/ca.pem`;
  const rest = (authorities: string) =>
    `client_ca: ${authorities}\n` +
    `hosts: {a.containers.test: {engine: "unix://${house.directory}/a.sock"}}\n` +
    "clients: [{name: alice, hosts: a.containers.test, access: full}]\n";
  house.engine("a");
  await house.configure(rest(house.caFile));
  const gateway = await house.start();
  const alice = await house.client("alice");
  const statuses = async () => [
    statusOf(await house.get(alice)),
    statusOf(await house.get(stranger)),
  ];
  assertEquals(await statuses(), [200, 0]);
  let reloads = 0;
  const reload = async (authorities: string) => {
    await house.configure(rest(authorities));
    gateway.kill("SIGHUP");
    reloads++;
    await until(
      "it is reloaded",
      () => gateway.soFar.output.match(/Took over a new configuration/g)?.length === reloads,
    );
  };
  await reload(`[${house.caFile}, ${elsewhere}]`);
  assertEquals(await statuses(), [200, 200]);
  // One file with both is as good as two.
  const bundle = `${house.directory}/both.pem`;
  const texts = await Promise.all([house.caFile, elsewhere].map((path) => Deno.readTextFile(path)));
  await Deno.writeTextFile(bundle, texts.join(""));
  await reload(bundle);
  assertEquals(await statuses(), [200, 200]);
  const open = await house.connect(alice);
  await reload(elsewhere);
  assertEquals(await open.rest(), "");
  assertEquals(await statuses(), [0, 200]);
});

Deno.test("an engine that takes nothing holds its client back, and the gateway keeps little", async () => {
  await using house = await GatewayHouse.open();
  const path = `${house.directory}/stuck.sock`;
  using engine = Deno.listen({ transport: "unix", path });
  await house.configure(
    `client_ca: ${house.caFile}\nhosts: {a.containers.test: {engine: "unix://${path}"}}\n` +
      "clients: [{name: alice, hosts: a.containers.test, access: full}]\n",
  );
  const gateway = await house.start();
  const connection = await house.connect(await house.client("alice"));
  const size = 200_000_000;
  const head = `POST /images/load HTTP/1.1\r\nHost: a.containers.test\r\nContent-Length: ${size}`;
  connection.write(`${head}\r\n\r\n`);
  using _held = await engine.accept();
  let sent = 0;
  const sending = (async () => {
    for (; sent < size && await connection.send(new Uint8Array(65_536)); sent += 65_536);
  })();
  let before = -1;
  await until("the client has to wait", () => {
    const still = sent === before;
    before = sent;
    return still && sent > 0;
  }, { everyMs: 500 });
  assert(sent < 50_000_000, `${sent} bytes were taken`);
  const status = await Deno.readTextFile(`/proc/${gateway.pid}/status`);
  const rss = Number(status.match(/^VmRSS:\s+(\d+) kB/m)?.[1]) / 1024;
  assert(rss < 200, `the gateway has ${rss} MiB`);
  connection.close();
  await sending;
});

Deno.test({
  name: "a certificate of X.509 version 1, whose key nobody has asked for, lets nobody in",
  ignore: !await makesVersion1(),
  async fn() {
    await withTwoHosts(async (house, gateway) => {
      const files = { certFile: `${house.directory}/v1.pem`, keyFile: `${house.directory}/v1.key` };
      const request = `${house.directory}/v1.csr`;
      const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
      const subject = ["-keyout", files.keyFile, "-out", request, "-subj", "/CN=alice"];
      const ca = [
        "-CA",
        house.caFile,
        "-CAkey",
        `${house.directory}/ca-key.pem`,
        "-CAcreateserial",
      ];
      for (
        const args of [
          ["req", ...key, ...subject],
          ["x509", "-req", "-in", request, ...ca, "-days", "1", "-out", files.certFile],
        ]
      ) {
        assertEquals((await runCommand("openssl", args, { stdin: "" })).code, 0);
      }
      assertEquals(await house.get(files), "");
      await gateway.waitFor(/"Refused a client".*X\.509 version 1.*"claims":"[^"]*alice"/);
    });
  },
});

/** Newer ones add extensions by themselves, which makes it version 3. */
async function makesVersion1(): Promise<boolean> {
  const { stdout } = await runCommand("openssl", ["version"]);
  return /^OpenSSL (1|3\.[01])\./.test(stdout);
}
