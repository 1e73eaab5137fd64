/** A guest behind the gateway: commands and tunnels for those who may, by their certificates alone. */
import type { IdentityFiles } from "../../lib/net/tls/files.ts";
import { spawnAgent } from "../support/agent.ts";
import { assertEquals, assertMatch } from "../support/assert.ts";
import type { Child } from "../support/child.ts";
import { freePort } from "../support/free_ports.ts";
import { GatewayHouse } from "../support/gateway.ts";
import { writeAll } from "../support/raw_http.ts";

const TOKEN = "a-token-that-no-client-knows";

async function withGuest(
  body: (house: GatewayHouse, gateway: Child) => Promise<void>,
): Promise<void> {
  await using house = await GatewayHouse.open();
  await Deno.writeTextFile(`${house.directory}/token`, `${TOKEN}\n`);
  await using guest = spawnAgent(
    ["guest", "--port", "0", "--token-file", `${house.directory}/token`],
    { XDG_RUNTIME_DIR: house.directory },
  );
  const [, address] = await guest.waitFor(/Listening on (?:http:\/\/)?(127\.0\.0\.1:\d+)/);
  await house.configure(`client_ca: ${house.caFile}
hosts:
  localhost: {guest: "http://${address}", guest_token_file: token}
  a.containers.test: {guest: "http://${address}", guest_token_file: token}
clients:
  - {name: alice, hosts: [localhost, a.containers.test], guest: [exec, tunnel]}
  - {name: porter, hosts: localhost, guest: tunnel}
`);
  await body(house, await house.start());
}

function words({ certFile, keyFile }: IdentityFiles, house: GatewayHouse): string[] {
  const files = ["--cert", certFile, "--key", keyFile, "--ca", house.caFile];
  return ["--server-addr", `localhost:${house.port}`, ...files];
}

Deno.test("commands run for a certificate with the right to, and for no other", async () => {
  await withGuest(async (house, gateway) => {
    const alice = await house.client("alice");
    // A guest on loopback refuses to be called by names that a web page could have.
    const info = await house.get(alice, "/tinyscale/v1/info");
    assertMatch(info, /^HTTP\/1\.1 200 [\s\S]*"capabilities"/);
    await using command = spawnAgent([
      ...["host-exec", ...words(alice, house), "--"],
      ...["sh", "-c", "cat; echo err >&2; exit 3"],
    ]);
    await command.write("from here\n");
    await command.closeStdin();
    assertEquals(await command.wait(), 3);
    assertEquals(command.stdout, "from here\n");
    assertMatch(command.stderr, /^err$/m);
    await gateway.waitFor(
      /"POST \/tinyscale\/v1\/host-exec\/command".*"client":"alice".*"status":101/,
    );

    const porter = await house.client("porter");
    await using refused = spawnAgent(["host-exec", ...words(porter, house), "--", "true"]);
    assertEquals(await refused.wait() === 0, false);
    assertMatch(refused.stderr, /The client certificate does not allow POST/);
    const copy = "POST /tinyscale/v1/host-exec/copy?path=/tmp/x HTTP/1.1\r\nHost: localhost\r\n" +
      "Content-Length: 1\r\n\r\nx";
    assertMatch(await house.ask(alice, copy, "localhost"), /^HTTP\/1\.1 403 /);
    // The last line of all that was asked here.
    await gateway.waitFor(/host-exec\/copy.*"status":403.*\n/);
    assertEquals(gateway.soFar.output.includes(TOKEN), false);
  });
});

Deno.test("--sni chooses the host behind an address, and is the name that is checked", async () => {
  await withGuest(async (house, gateway) => {
    const { certFile, keyFile } = await house.client("alice");
    const at = ["--server-addr", `127.0.0.1:${house.port}`];
    const files = ["--cert", certFile, "--key", keyFile, "--ca", house.caFile];
    const run = async (...name: string[]) => {
      const command = ["--", "sh", "-c", "echo there; exit 3"];
      await using child = spawnAgent(["host-exec", ...at, ...files, ...name, ...command]);
      return { code: await child.wait(), stdout: child.stdout, stderr: child.stderr };
    };
    const unnamed = await run();
    assertEquals([unnamed.code, unnamed.stdout], [255, ""]);
    assertMatch(unnamed.stderr, /set --sni to a name that the certificate has/);
    const named = await run("--sni", "a.containers.test");
    assertEquals(named, { code: 3, stdout: "there\n", stderr: "" });
    await gateway.waitFor(/host-exec\/command".*"host":"a\.containers\.test".*"status":101/);
    // The gateway has a certificate for it, and no host.
    const other = await run("--sni", "b.containers.test");
    assertEquals([other.code, other.stdout], [255, ""]);
    assertMatch(other.stderr, /The client certificate may not use "b\.containers\.test"/);
  });
});

Deno.test("a tunnel keeps the two ends of a stream apart", async () => {
  await withGuest(async (house) => {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const serving = (async () => {
      using conn = await listener.accept();
      const all = await new Response(reading(conn)).text();
      await writeAll(conn, new TextEncoder().encode(`after the end: ${all.length}`));
    })();
    const { certFile, keyFile } = await house.client("porter");
    const query = new URLSearchParams({ cert: certFile, key: keyFile, ca: house.caFile });
    const port = freePort();
    await using tunnel = spawnAgent([
      "tunnel",
      String(port),
      `tstunnel://localhost:${house.port}/tcp:127.0.0.1:${listener.addr.port}?${query}`,
    ]);
    await tunnel.waitFor(new RegExp(`${port}`));
    using conn = await Deno.connect({ hostname: "127.0.0.1", port });
    await writeAll(conn, new Uint8Array(1_000_000));
    await conn.closeWrite();
    assertEquals(await new Response(reading(conn)).text(), "after the end: 1000000");
    await serving;
  });
});

/** What comes until the other end stops; `conn.readable` would end our own direction too. */
function reading(conn: Deno.Conn): ReadableStream<Uint8Array<ArrayBuffer>> {
  return new ReadableStream({
    async pull(controller) {
      const buffer = new Uint8Array(65_536);
      const count = await conn.read(buffer);
      if (count === null) controller.close();
      else controller.enqueue(buffer.subarray(0, count));
    },
  });
}
