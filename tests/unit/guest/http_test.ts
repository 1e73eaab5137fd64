import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../support/assert.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { withGuest } from "../../support/guest.ts";
import { until } from "../../support/poll.ts";

const INFO = "GET /tinyscale/v1/info";
const EXEC = "POST /tinyscale/v1/host-exec/command";

Deno.test("the guest tells what it is", async () => {
  await withGuest({}, async (guest) => {
    const answer = await guest.ask(INFO);
    assertMatch(answer, /^HTTP\/1\.1 200 OK\r\nContent-Type: application\/json\r\n/);
    const body = JSON.parse(answer.slice(answer.indexOf("{")));
    assertEquals(body.capabilities, [
      "exec-framed-v1",
      "tty",
      "copy",
      "tunnel-tcp",
      "tunnel-udp",
      "tunnel-unix",
      "listen-tcp",
    ]);
    assertEquals([body.os, typeof body.version, typeof body.user], ["linux", "string", "string"]);
  });
});

Deno.test("a guest without commands says so and runs none", async () => {
  await withGuest({ limits: { maxCommands: 0 } }, async (guest) => {
    assert(!(await guest.ask(INFO)).includes("exec-framed"));
    const answer = await guest.ask(EXEC, ["Upgrade: tcp"], '{"command":"ls"}');
    assertStringIncludes(answer, "this guest runs no commands");
    assertMatch(answer, /^HTTP\/1\.1 403 /);
  });
});

const UPGRADE = ["Connection: Upgrade", "Upgrade: tcp"];
const REFUSED: readonly [line: string, headers: readonly string[], body: string, status: number][] =
  [
    ["GET /", [], "", 404],
    ["GET /tinyscale/v1", [], "", 404],
    ["GET /tinyscale/v1/info/", [], "", 404],
    ["GET //tinyscale/v1/info", [], "", 404],
    ["GET /tinyscale/v1/../v1/info", [], "", 404],
    ["GET /tinyscale/v1/%69nfo", [], "", 404],
    ["GET /TINYSCALE/v1/info", [], "", 404],
    ["GET http://localhost/tinyscale/v1/info", [], "", 404],
    ["GET /containers/json", [], "", 404],
    ["GET /tinyscale/v1/host-exec/command", UPGRADE, "", 405],
    ["POST /tinyscale/v1/info", [], "", 405],
    ["DELETE /tinyscale/v1/host-exec/copy?path=/tmp/x", [], "", 405],
    ["PUT /tinyscale/v1/tunnel/tcp:127.0.0.1:1", UPGRADE, "", 405],
    [EXEC, [], '{"command":"ls"}', 426],
    [EXEC, UPGRADE, "", 400],
    [EXEC, UPGRADE, "ls", 400],
    [EXEC, UPGRADE, "[]", 400],
    [EXEC, UPGRADE, '{"command":""}', 400],
    [EXEC, UPGRADE, '{"command":7}', 400],
    [EXEC, UPGRADE, '{"command":"ls","args":"-la"}', 400],
    [EXEC, UPGRADE, '{"command":"ls","envs":["A"]}', 400],
    [EXEC, UPGRADE, '{"command":"l\\u0000s"}', 400],
    [INFO, ["Host: evil.example"], "", 403],
    [INFO, ["Origin: http://localhost"], "", 403],
    [INFO, ["Sec-Fetch-Site: cross-site"], "", 403],
    [EXEC, ["Origin: null", ...UPGRADE], '{"command":"ls"}', 403],
    ["GET /tinyscale/v1/info HTTP/1.1\r\nX: 1\r\nTransfer-Encoding: gzip", [], "", 501],
    ["GET /tinyscale/v1/info HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2", [], "", 400],
  ];

Deno.test("what is not offered is refused, with a reason in the engine's form", async () => {
  await withGuest({}, async (guest) => {
    for (const [line, headers, body, status] of REFUSED) {
      const own = headers.some((header) => header.startsWith("Host:"))
        ? await guest.send(
          `${line} HTTP/1.1\r\n${headers.join("\r\n")}\r\nConnection: close\r\n\r\n`,
        )
        : await guest.ask(line, headers, body);
      assertMatch(own, new RegExp(`^HTTP/1\\.1 ${status} `), `${line} ${headers}`);
      assertEquals(typeof JSON.parse(own.slice(own.indexOf("\r\n\r\n"))).message, "string", line);
      if (status === 405) assertMatch(own, /\r\nAllow: (GET|POST|GET, POST)\r\n/, line);
    }
    assertEquals(guest.guest.commands, 0);
  });
});

Deno.test("one connection serves request after request", async () => {
  await withGuest({}, async (guest) => {
    const line = `${INFO} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    const missing = "GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n";
    const last = `${INFO} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
    const answers = await guest.send(line + missing + line + last);
    assertEquals(answers.match(/HTTP\/1\.1 \d{3}/g), [
      "HTTP/1.1 200",
      "HTTP/1.1 404",
      "HTTP/1.1 200",
      "HTTP/1.1 200",
    ]);
  });
});

Deno.test("a client that is slow with its request is given up", async () => {
  await withGuest({ limits: { readMs: 1_000, requestMs: 1_000, idleMs: 1_000 } }, async (guest) => {
    const head = await guest.send("GET /tinyscale/v1/info HTTP/1.1\r\nHost: localhost\r\nX: ");
    assertMatch(head, /^HTTP\/1\.1 408 /);
    const upgrade = UPGRADE.join("\r\n");
    const body = await guest.send(
      `${EXEC} HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\nContent-Length: 9\r\n\r\n{`,
    );
    assertMatch(body, /^HTTP\/1\.1 408 /);
    assertMatch(await guest.send(""), /^HTTP\/1\.1 408 [^]* within 1 s"}\n$/);
    const asked = await guest.send(`${INFO} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    assertEquals(asked.match(/HTTP\/1\.1 \d+/g), ["HTTP/1.1 200"]);
  });
});

Deno.test("bytes that trickle in do not keep a command's description alive", async () => {
  await withGuest({ limits: { readMs: 10_000, requestMs: 150 } }, async (guest) => {
    const stream = await guest.dial();
    const upgrade = UPGRADE.join("\r\n");
    await say(
      stream,
      `${EXEC} HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\nContent-Length: 99999\r\n\r\n`,
    );
    let stop = false;
    const trickling = (async () => {
      while (!stop) {
        await say(stream, " ");
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    })().catch(() => {/* The guest has closed. */});
    assertMatch(await readUntil(stream, "\r\n"), /^HTTP\/1\.1 408 /);
    stop = true;
    await trickling;
    stream.close();
  });
});

Deno.test("what is too large is refused", async () => {
  await withGuest({}, async (guest) => {
    const upgrade = UPGRADE.join("\r\n");
    const long = await guest.send(
      `${EXEC} HTTP/1.1\r\nHost: localhost\r\n${upgrade}\r\nContent-Length: 99999999\r\n\r\n{`,
    );
    assertMatch(long, /^HTTP\/1\.1 413 /);
    const head = await guest.send(
      `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(1_100_000)}`,
    );
    assertMatch(head, /^HTTP\/1\.1 431 /);
    const words = JSON.stringify({ command: "ls", args: [("x").repeat(200_000)] });
    assertMatch(await guest.ask(EXEC, UPGRADE, words), /^HTTP\/1\.1 400 /);
  });
});

Deno.test("more clients than there are places for are told so", async () => {
  await withGuest({ limits: { maxConnections: 2 } }, async (guest) => {
    const [one, two] = [await guest.dial(), await guest.dial()];
    const line = `${INFO} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    for (const stream of [one, two]) {
      await say(stream, line);
      await readUntil(stream, "200 OK");
    }
    const answer = await guest.send("");
    assertMatch(answer, /^HTTP\/1\.1 503 [^]*all 2 connections of this guest are in use/);
    one.close();
    await until("there is room again", async () => (await guest.ask(INFO)).includes("200 OK"));
    two.close();
  });
});

Deno.test("a guest that ends lets a request finish and closes idle clients", async () => {
  await withGuest({}, async (guest) => {
    const idle = await guest.dial();
    await say(idle, `${INFO} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await readUntil(idle, "200 OK");
    const path = `/tinyscale/v1/host-exec/copy?path=${guest.directory}/late`;
    const upload = await guest.dial();
    await say(
      upload,
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nstill`,
    );
    await until(
      "it is under way",
      async () => (await Array.fromAsync(Deno.readDir(guest.directory))).length > 0,
    );
    const ending = guest.guest.shutdown(20_000);
    await until("the idle client is gone", async () => await idle.read() === null);
    await say(upload, " here");
    assertMatch(await readAll(upload), /^HTTP\/1\.1 200 OK/);
    assertEquals(await Deno.readTextFile(`${guest.directory}/late`), "still here");
    await ending;
    upload.close();
    idle.close();
  });
});
