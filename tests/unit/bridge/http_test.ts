import { pacFile } from "../../../lib/bridge/pac.ts";
import { parseBridgeRule } from "../../../lib/bridge/rules.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { assert, assertEquals, assertMatch } from "../../support/assert.ts";
import { readUntil, say } from "../../support/duplex.ts";
import { NoGuestError } from "../../../lib/transport/guest/no_guest.ts";
import { openBridge, openFailed } from "./support.ts";

const decoder = new TextDecoder();

/** A client of the HTTP proxy. */
class Client implements Disposable {
  readonly #conn: Deno.TcpConn;
  #rest = "";

  constructor(conn: Deno.TcpConn) {
    this.#conn = conn;
  }

  static async open(port: number): Promise<Client> {
    return new Client(await Deno.connect({ hostname: "127.0.0.1", port }));
  }

  async say(text: string): Promise<void> {
    await this.#conn.write(new TextEncoder().encode(text));
  }

  /** What has come up to and with `end`, or up to the end of the stream. */
  async until(end: string): Promise<string> {
    const buffer = new Uint8Array(4096);
    while (!this.#rest.includes(end)) {
      const count = await this.#conn.read(buffer);
      if (count === null) break;
      this.#rest += decoder.decode(buffer.subarray(0, count));
    }
    const at = this.#rest.indexOf(end);
    const taken = at < 0 ? this.#rest : this.#rest.slice(0, at + end.length);
    this.#rest = this.#rest.slice(taken.length);
    return taken;
  }

  [Symbol.dispose](): void {
    this.#conn.close();
  }
}

/** Answers every request on a connection with the head it came with. */
async function echoHeads(_host: string, _port: number, stream: Duplex): Promise<void> {
  try {
    for (;;) {
      const head = await readUntil(stream, "\r\n\r\n");
      const isWhole = head.includes("!") || !/content-length: (\d+)/i.test(head);
      const body = isWhole ? head : head + await readUntil(stream, "!");
      await say(stream, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
  } catch {
    stream.close(); // the client has left
  }
}

async function exchange(port: number, request: string): Promise<string> {
  using client = await Client.open(port);
  await client.say(request);
  return await client.until("\0never");
}

Deno.test("requests in absolute form are sent on as a proxy has to, one connection for all", async () => {
  await using bridge = await openBridge({ network: echoHeads });
  using client = await Client.open(bridge.http);
  const request = (path: string) =>
    `GET http://dev:pass@web.example:8080${path} HTTP/1.1\r\nHost: other\r\nX-Odd:  kept \r\n` +
    "Proxy-Connection: keep-alive\r\nProxy-Authorization: Basic eA==\r\n" +
    "Connection: X-Hop\r\nX-Hop: 1\r\n\r\n";
  for (const [path, sent] of [["/a?b=%20", "/a?b=%20"], ["", "/"], ["?q", "/?q"]]) {
    await client.say(request(path ?? ""));
    const head = await client.until("\r\n\r\n");
    assertMatch(head, /^HTTP\/1.1 200 OK\r\n/);
    assertMatch(head, /\r\nVia: 1.1 remote-docker-agent\r\n/);
    assertEquals(
      await client.until("\r\n\r\n"),
      `GET ${sent} HTTP/1.1\r\nHost: web.example:8080\r\nX-Odd: kept\r\n` +
        "Via: 1.1 remote-docker-agent\r\n\r\n",
    );
  }
  assertEquals(bridge.targets, [{ kind: "tcp", host: "web.example", port: 8080 }]);
});

Deno.test("another destination gets a connection of its own; bodies pass", async () => {
  await using bridge = await openBridge({ network: echoHeads });
  using client = await Client.open(bridge.http);
  for (const host of ["a.example", "b.example", "[fd00::1]", "10.0.0.1:81"]) {
    const head = `POST http://${host}/ HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\n`;
    await client.say(`${head}hello!`);
    await client.until("\r\n\r\n");
    assertMatch(await client.until("!"), /hello!$/);
  }
  const hosts = bridge.targets.map((target) => target.kind === "tcp" ? target : undefined);
  assertEquals(hosts.map((each) => `${each?.host} ${each?.port}`), [
    ...["a.example 80", "b.example 80", "fd00::1 80", "10.0.0.1 81"],
  ]);
});

Deno.test("a kept connection that has ended is made anew for what may be repeated", async () => {
  await using bridge = await openBridge({
    async network(_host, _port, stream) {
      await readUntil(stream, "\r\n\r\n");
      await say(stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
      stream.close();
    },
  });
  using client = await Client.open(bridge.http);
  for (let count = 0; count < 3; count++) {
    await client.say("GET http://web/ HTTP/1.1\r\nHost: web\r\n\r\n");
    assertMatch(await client.until("ok"), /200 OK/);
  }
  assertEquals(bridge.targets.length, 3);
});

Deno.test("what must not be sent twice gets a connection that nobody can be ending", async () => {
  await using bridge = await openBridge({ network: echoHeads });
  using client = await Client.open(bridge.http);
  const connections = async (method: string, body = "") => {
    const length = body === "" ? "" : `Content-Length: ${body.length}\r\n`;
    await client.say(`${method} http://web/ HTTP/1.1\r\nHost: web\r\n${length}\r\n${body}`);
    await client.until("\r\n\r\n");
    assertMatch(await client.until(body === "" ? "\r\n\r\n" : body), new RegExp(`^${method} `));
    return bridge.targets.length;
  };
  assertEquals(await connections("GET"), 1);
  assertEquals(await connections("DELETE"), 1);
  assertEquals(await connections("POST"), 2);
  assertEquals(await connections("POST", "hello!"), 3);
  // Its body is gone when it would have to be sent once more.
  assertEquals(await connections("PUT", "hello!"), 4);
  assertEquals(await connections("GET"), 4);
});

Deno.test("CONNECT joins the two ends, with what came too early", async () => {
  await using bridge = await openBridge({
    async network(_host, _port, stream) {
      const heard = await readUntil(stream, "!");
      await say(stream, `heard ${heard}`);
      await stream.closeWrite();
    },
  });
  using client = await Client.open(bridge.http);
  await client.say("CONNECT [fd00::1]:443 HTTP/1.1\r\nHost: x\r\n\r\nearly ");
  assertEquals(await client.until("\r\n\r\n"), "HTTP/1.1 200 Connection established\r\n\r\n");
  await client.say("late!");
  assertEquals(await client.until("\0never"), "heard early late!");
  assertEquals(bridge.targets, [{ kind: "tcp", host: "fd00::1", port: 443 }]);
});

Deno.test("an upgrade passes, and everything after it", async () => {
  await using bridge = await openBridge({
    async network(_host, _port, stream) {
      assertMatch(await readUntil(stream, "\r\n\r\n"), /Upgrade: tcp\r\nConnection: Upgrade/);
      await say(stream, "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhi");
      await say(stream, await readUntil(stream, "!"));
      await stream.closeWrite();
    },
  });
  using client = await Client.open(bridge.http);
  await client.say("POST http://web/attach HTTP/1.1\r\nHost: web\r\n");
  await client.say("Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
  assertMatch(await client.until("hi"), /^HTTP\/1.1 101 UPGRADED\r\n[^]*Upgrade: tcp/);
  await client.say("raw!");
  assertEquals(await client.until("\0never"), "raw!");
});

Deno.test("what cannot be done is told by its status in one line", async () => {
  const cases: [string, RegExp, (() => Error)?][] = [
    [
      "GET http://web/ HTTP/1.1\r\nHost: x",
      /^HTTP\/1.1 502 .*agent: Cannot reach it: Connection refused/,
      () => openFailed("Connection refused"),
    ],
    [
      "CONNECT web:1 HTTP/1.1\r\nHost: x",
      /^HTTP\/1.1 504 /,
      () => openFailed("Connection timed out"),
    ],
    [
      "CONNECT web:1 HTTP/1.1\r\nHost: x",
      /^HTTP\/1.1 503 .*agent: Cannot reach "web:1": there is no guest/,
      () => new NoGuestError('"web:1"', "there is no guest"),
    ],
    ["CONNECT web:1 HTTP/1.1\r\nHost: x", /^HTTP\/1.1 403 /, () => openFailed("no", 1)],
    ["GET http://refused.example/ HTTP/1.1\r\nHost: x", /^HTTP\/1.1 403 .*A rule of the bridge/],
    ["GET https://web/ HTTP/1.1\r\nHost: x", /^HTTP\/1.1 400 .*A proxy takes http:/],
    ["GET ftp://web/ HTTP/1.1\r\nHost: x", /^HTTP\/1.1 400 /],
    ["GET http://web:0/ HTTP/1.1\r\nHost: x", /^HTTP\/1.1 400 /],
    ["GET http:///x HTTP/1.1\r\nHost: x", /^HTTP\/1.1 400 /],
    ["CONNECT web HTTP/1.1\r\nHost: x", /^HTTP\/1.1 400 .*CONNECT takes HOST:PORT/],
    ["CONNECT web:1/x HTTP/1.1\r\nHost: x", /^HTTP\/1.1 400 /],
    ["CONNECT web:1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1", /^HTTP\/1.1 400 /],
    ["GET / HTTP/1.1\r\nHost: 127.0.0.1", /^HTTP\/1.1 404 .*\/proxy.pac/],
    ["\x05\x01\x00", /^HTTP\/1.1 400 .*does not speak HTTP/],
  ];
  for (const [request, expected, error] of cases) {
    await using bridge = await openBridge({
      rules: ["refused.example=refuse"],
      network() {
        if (error !== undefined) throw error();
      },
    });
    const answer = await exchange(bridge.http, `${request}\r\n\r\n`);
    assert(expected.test(answer.replaceAll(/[\r\n]+/g, " ")), `${request}: ${answer}`);
    assertMatch(answer, /\r\nConnection: close\r\n/);
  }
});

Deno.test("a web page gets neither the PAC file nor anything else", async () => {
  await using bridge = await openBridge();
  const get = (fields: string) =>
    exchange(bridge.http, `GET /proxy.pac HTTP/1.1\r\nConnection: close\r\n${fields}\r\n\r\n`);
  const host = `Host: 127.0.0.1:${bridge.http}`;
  assertMatch(
    await get(host),
    /^HTTP\/1.1 200 OK\r\nContent-Type: application\/x-ns-proxy-autoconfig/,
  );
  const pages = ["Origin: http://evil.example", "Sec-Fetch-Site: cross-site"];
  for (const page of pages) assertMatch(await get(`${host}\r\n${page}`), /^HTTP\/1.1 403 /);
  assertMatch(await get("Host: rebound.evil.example"), /^HTTP\/1.1 403 /);
  // A request that hides in the body of another one is never read.
  const hidden = "GET http://internal/ HTTP/1.1\r\nHost: internal\r\n\r\n";
  const answer = await exchange(
    bridge.http,
    `POST / HTTP/1.1\r\n${host}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  );
  assertMatch(answer, /^HTTP\/1.1 404 [^]*Connection: close/);
  assertEquals(bridge.targets, []);
});

Deno.test("with users, a request without a password is challenged", async () => {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeTextFile(path, "dev:s:cret\n");
    await Deno.chmod(path, 0o600);
    await using bridge = await openBridge({ usersFile: path, network: echoHeads });
    const get = async (field: string) => {
      using client = await Client.open(bridge.http);
      await client.say(`GET http://web/ HTTP/1.1\r\nHost: web\r\n${field}\r\n`);
      return await client.until("\r\n\r\n");
    };
    const wrong = ["", "Basic %%%", `Basic ${btoa("dev")}`, `Basic ${btoa("dev:no")}`, "Bearer x"];
    for (const value of wrong) {
      const answer = await get(value === "" ? "" : `Proxy-Authorization: ${value}\r\n`);
      assertMatch(answer, /^HTTP\/1.1 407 [^]*Proxy-Authenticate: Basic realm=/, value);
    }
    assertEquals(bridge.targets, []);
    const right = await get(`Proxy-Authorization: Basic ${btoa("dev:s:cret")}\r\n`);
    assertMatch(right, /^HTTP\/1.1 200/);
  } finally {
    await Deno.remove(path);
  }
});

Deno.test("the PAC file decides as the rules do, without a resolver", () => {
  const rules = [
    "*.direct.example=direct",
    ".corp.example=through",
    "10.1.0.0/16=through",
    "10.0.0.0/8=direct",
    "192.0.2.7=refuse",
    "*=direct",
  ].map(parseBridgeRule);
  const find = evaluate(pacFile(rules, { host: "127.0.0.1", port: 3128 }));
  const proxy = "PROXY 127.0.0.1:3128";
  const cases: [string, string][] = [
    ["a.direct.example", "DIRECT"],
    ["corp.example", proxy],
    ["A.Corp.example.", proxy],
    ["10.1.2.3", proxy],
    ["10.2.0.1", "DIRECT"],
    ["192.0.2.7", proxy],
    ["192.0.2.8", "DIRECT"],
    ["fd00::1", proxy],
    ["example.com", "DIRECT"],
  ];
  for (const [host, expected] of cases) assertEquals(find("http://x/", host), expected, host);
  assertEquals(evaluate(pacFile([], { host: "::1", port: 1 }))("", "x"), "PROXY [::1]:1");
});

/** As a browser runs it; a function that would ask a resolver is not there. */
function evaluate(text: string): (url: string, host: string) => string {
  const shExpMatch = (name: string, pattern: string) =>
    new RegExp(`^${pattern.replaceAll(".", "\\.").replaceAll("*", ".*")}$`).test(name);
  const isInNet = (host: string, net: string, mask: string) => {
    const number = (ip: string) => ip.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
    assertMatch(host, /^[\d.]+$/);
    return ((number(host) ^ number(net)) & number(mask)) === 0;
  };
  const make = new Function("shExpMatch", "isInNet", `${text}; return FindProxyForURL;`);
  return make(shExpMatch, isInNet);
}
