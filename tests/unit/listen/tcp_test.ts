import { AgentError } from "../../../lib/errors.ts";
import { listen } from "../../../lib/listen/listen.ts";
import type { ClientInfo } from "../../../lib/listen/listener.ts";
import { parseListenAddress } from "../../../lib/net/address.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../support/assert.ts";

async function echo(duplex: Duplex): Promise<void> {
  for (let chunk; (chunk = await duplex.read()) !== null;) await duplex.write(chunk);
  duplex.close();
}

async function exchange(conn: Deno.Conn, text: string): Promise<string> {
  await conn.write(new TextEncoder().encode(text));
  await conn.closeWrite();
  const answer = await new Response(conn.readable).text();
  return answer;
}

Deno.test("a TCP listener tells its real port and serves clients that half-close", async () => {
  const listener = await listen(parseListenAddress("127.0.0.1:0"));
  const { address } = listener;
  assert(address.kind === "tcp" && address.port > 0);
  assertEquals(listener.dockerHost, `tcp://127.0.0.1:${address.port}`);
  assertEquals(listener.mutualTls, false);
  const clients: ClientInfo[] = [];
  listener.serve((duplex, info) => {
    clients.push(info);
    return echo(duplex);
  });
  for (const text of ["one", "two"]) {
    const conn = await Deno.connect({ hostname: "127.0.0.1", port: address.port });
    const { port } = conn.localAddr;
    assertEquals(await exchange(conn, text), text);
    assertEquals(clients.at(-1)?.remote, `127.0.0.1:${port}`);
  }
  await listener.close();
});

Deno.test("localhost and a missing host mean 127.0.0.1", async () => {
  const listener = await listen(parseListenAddress("localhost:0"));
  assertMatch(listener.dockerHost, /^tcp:\/\/127\.0\.0\.1:\d+$/);
  await listener.close();
  const implied = await listen(parseListenAddress(":0"));
  assertMatch(implied.dockerHost, /^tcp:\/\/127\.0\.0\.1:\d+$/);
  assert(implied.address.kind === "tcp" && implied.address.hostImplied === true);
  await implied.close();
});

Deno.test("clients that come before serve are served", async () => {
  const listener = await listen(parseListenAddress("127.0.0.1:0"));
  assert(listener.address.kind === "tcp");
  const conn = await Deno.connect({ hostname: "127.0.0.1", port: listener.address.port });
  listener.serve(echo);
  assertEquals(await exchange(conn, "early"), "early");
  await listener.close();
});

Deno.test("a handler that throws ends its own client only", async () => {
  const listener = await listen(parseListenAddress("127.0.0.1:0"));
  assert(listener.address.kind === "tcp");
  const { port } = listener.address;
  let failures = 0;
  listener.serve((duplex) => {
    if (failures++ === 0) throw new Error("first client is bad");
    return echo(duplex);
  });
  const first = await Deno.connect({ hostname: "127.0.0.1", port });
  assertEquals(await first.read(new Uint8Array(1)), null);
  first.close();
  const second = await Deno.connect({ hostname: "127.0.0.1", port });
  assertEquals(await exchange(second, "fine"), "fine");
  await listener.close();
});

Deno.test("after close the port is free, accepted clients live on, and a second close is harmless", async () => {
  const listener = await listen(parseListenAddress("127.0.0.1:0"));
  assert(listener.address.kind === "tcp");
  const { port } = listener.address;
  const accepted = Promise.withResolvers<void>();
  listener.serve((duplex) => {
    accepted.resolve();
    return echo(duplex);
  });
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  await accepted.promise;
  await listener.close();
  await listener.close();
  assertEquals(await exchange(conn, "still here"), "still here");
  const again = await listen({ kind: "tcp", host: "127.0.0.1", port });
  await again.close();
});

Deno.test("a listener may be closed before it serves", async () => {
  const listener = await listen(parseListenAddress("127.0.0.1:0"));
  await listener.close();
});

Deno.test("a port in use is refused with its owner named", async () => {
  const taken = await listen(parseListenAddress("127.0.0.1:0"));
  const error = await assertRejects(() => listen(taken.address), AgentError);
  await taken.close();
  assert(error instanceof AgentError);
  assertEquals(error.kind, "listen");
  assertStringIncludes(error.message, "Cannot listen on ");
  const owner = Deno.build.os === "linux" ? `pid ${Deno.pid} (deno)` : "another process";
  assertStringIncludes(error.message, `address already in use by ${owner}`);
  assertStringIncludes(error.hint ?? "", "--listen");
});

Deno.test("other machines' addresses are refused without the user's word and certificates", async () => {
  for (const text of ["0.0.0.0:0", "[::]:0", "tcp://192.0.2.1:2375", "dev-box.example:2375"]) {
    const address = parseListenAddress(text);
    const error = await assertRejects(() => listen(address), AgentError, "Refusing to listen");
    assert(error instanceof AgentError);
    assertEquals(error.kind, "config");
    assertStringIncludes(error.hint ?? "", "--allow-remote-clients");
    await assertRejects(
      () => listen(address, { allowRemoteClients: true }),
      AgentError,
      "needs mutual TLS",
    );
    const tls = { certFile: "/nope", keyFile: "/nope", caFile: "/nope" };
    await assertRejects(() => listen(address, { tls }), AgentError, "Refusing to listen");
  }
});
