import { AgentError } from "../../../lib/errors.ts";
import { listen } from "../../../lib/listen/listen.ts";
import type { ClientInfo, Listener } from "../../../lib/listen/listener.ts";
import type { ServerTlsFiles } from "../../../lib/listen/mutual_tls.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../support/assert.ts";
import { type CertificateFiles, Certificates } from "../../support/certificates.ts";
import { until } from "../../support/poll.ts";
import { connectAgain } from "../../support/resuming.ts";

interface House {
  directory: string;
  tls: ServerTlsFiles;
  authority: CertificateFiles;
  client: CertificateFiles;
  stranger: CertificateFiles;
  expired: CertificateFiles;
}

async function withHouse(body: (house: House) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "listen-tls-" });
  try {
    const certificates = new Certificates(directory);
    const authority = await certificates.authority("ca");
    const server = await certificates.issue(authority, "server", { altNames: "IP:127.0.0.1" });
    const client = await certificates.issue(authority, "client");
    const expired = await certificates.issue(authority, "expired", { days: -1 });
    const other = await certificates.authority("other");
    const stranger = await certificates.issue(other, "stranger");
    const tls = { ...server, caFile: authority.certFile };
    await body({ directory, tls, authority, client, stranger, expired });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function listenRemote(tls: ServerTlsFiles): Promise<Listener> {
  return listen({ kind: "tcp", host: "0.0.0.0", port: 0 }, { allowRemoteClients: true, tls });
}

function portOf(listener: Listener): number {
  assert(listener.address.kind === "tcp");
  return listener.address.port;
}

async function talk(port: number, house: House, identity?: CertificateFiles): Promise<string> {
  const conn = await Deno.connectTls({
    hostname: "127.0.0.1",
    port,
    caCerts: [await Deno.readTextFile(house.authority.certFile)],
    ...(identity === undefined ? {} : {
      cert: await Deno.readTextFile(identity.certFile),
      key: await Deno.readTextFile(identity.keyFile),
    }),
  });
  try {
    await conn.write(new TextEncoder().encode("hello"));
    const buffer = new Uint8Array(100);
    const count = await conn.read(buffer);
    return count === null ? "" : new TextDecoder().decode(buffer.subarray(0, count));
  } finally {
    conn.close();
  }
}

Deno.test("a listener for other machines lets in clients with a certificate, and no others", async () => {
  await withHouse(async (house) => {
    const listener = await listenRemote(house.tls);
    assertEquals(listener.mutualTls, true);
    const port = portOf(listener);
    assertEquals(listener.dockerHost, `tcp://0.0.0.0:${port}`);
    const clients: ClientInfo[] = [];
    listener.serve(async (duplex, info) => {
      clients.push(info);
      const chunk = await duplex.read();
      if (chunk !== null) await duplex.write(chunk);
      await duplex.read();
      duplex.close();
    });
    await assertRejects(() => talk(port, house));
    await assertRejects(() => talk(port, house, house.stranger));
    await assertRejects(() => talk(port, house, house.expired));
    assertEquals(clients, []);
    assertEquals(await talk(port, house, house.client), "hello");
    assertEquals(clients.length, 1);
    assertEquals(clients[0]?.subject, "client");
    assertMatch(clients[0]?.remote ?? "", /^127\.0\.0\.1:\d+$/);
    await listener.close();
  });
});

Deno.test("a session of an authority that was replaced lets nobody in", async () => {
  await withHouse(async (house) => {
    const listener = await listenRemote(house.tls);
    listener.serve(async (duplex) => {
      await duplex.write(new TextEncoder().encode("welcome"));
      await duplex.closeWrite();
      duplex.close();
    });
    const ask = () =>
      connectAgain({
        port: portOf(listener),
        identity: house.client,
        sessionFile: `${house.directory}/session`,
        text: "hello",
        version: "1.3",
      });
    assertMatch((await ask()).output, /welcome/);
    const again = await ask();
    assert(again.reused, again.output);
    assertMatch(again.output, /welcome/);
    await Deno.copyFile(`${house.directory}/other.pem`, house.tls.caFile);
    await until("nobody is let in", async () => !/welcome/.test((await ask()).output));
    await listener.close();
  });
});

Deno.test("clients that come before serve wait, and are cut off by close", async () => {
  await withHouse(async (house) => {
    const listener = await listenRemote(house.tls);
    const talking = talk(portOf(listener), house, house.client);
    listener.serve(async (duplex) => {
      await duplex.write(new TextEncoder().encode("welcome"));
      duplex.close();
    });
    assertEquals(await talking, "welcome");
    await listener.close();
    await listener.close();
  });
});

Deno.test("plain text does not get in, and unfinished handshakes are bounded and end with close", async () => {
  await withHouse(async (house) => {
    const listener = await listenRemote(house.tls);
    const port = portOf(listener);
    const plain = await Deno.connect({ hostname: "127.0.0.1", port });
    await plain.write(new TextEncoder().encode("GET /_ping HTTP/1.1\r\n\r\n"));
    await plain.read(new Uint8Array(100)).catch(() => null);
    plain.close();
    const open: Deno.Conn[] = [];
    for (let i = 0; i < 256; i++) {
      open.push(await Deno.connect({ hostname: "127.0.0.1", port }));
    }
    const excess = await Deno.connect({ hostname: "127.0.0.1", port });
    assertEquals(await excess.read(new Uint8Array(1)).catch(() => null), null);
    excess.close();
    await listener.close();
    for (const conn of open) {
      assertEquals(await conn.read(new Uint8Array(1)).catch(() => null), null);
      conn.close();
    }
  });
});

Deno.test("wrong certificate files are named before listening", async () => {
  await withHouse(async (house) => {
    const { tls, directory } = house;
    const garbage = `${directory}/garbage.pem`;
    await Deno.writeTextFile(garbage, "not a certificate");
    const encrypted = `${directory}/encrypted.pem`;
    await Deno.writeTextFile(encrypted, "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n");
    const cases: [Partial<ServerTlsFiles>, string][] = [
      [{ certFile: `${directory}/nope` }, `Cannot read the server certificate "${directory}/nope"`],
      [{ certFile: directory }, "Cannot read the server certificate"],
      [{ keyFile: `${directory}/nope` }, "no such file"],
      [{ caFile: `${directory}/nope` }, "Cannot read the client CA"],
      [{ certFile: garbage }, "not a certificate"],
      [{ keyFile: garbage }, "not a private key"],
      [{ keyFile: encrypted }, "it is encrypted"],
      [{ caFile: garbage }, "not a certificate"],
      [{ keyFile: house.client.keyFile }, "does not match the certificate"],
      [house.expired, "expired on"],
    ];
    for (const [change, message] of cases) {
      const error = await assertRejects(
        () => listenRemote({ ...tls, ...change }),
        AgentError,
        message,
      );
      assertEquals((error as AgentError).kind, "config");
      assert((error as AgentError).hint !== undefined);
    }
  });
});

Deno.test("an address that is in use or not ours is refused", async () => {
  await withHouse(async (house) => {
    const listener = await listenRemote(house.tls);
    const options = { allowRemoteClients: true, tls: house.tls };
    await assertRejects(() => listen(listener.address, options), AgentError, "already in use");
    await listener.close();
    await assertRejects(
      () => listen({ kind: "tcp", host: "192.0.2.1", port: 0 }, options),
      AgentError,
      "no such address",
    );
  });
});

Deno.test("given certificates, a loopback listener asks for client certificates too", async () => {
  await withHouse(async (house) => {
    const listener = await listen({ kind: "tcp", host: "127.0.0.1", port: 0 }, { tls: house.tls });
    assertEquals(listener.mutualTls, true);
    listener.serve(async (duplex) => {
      await duplex.write(new TextEncoder().encode("welcome"));
      duplex.close();
    });
    await assertRejects(() => talk(portOf(listener), house));
    assertEquals(await talk(portOf(listener), house, house.client), "welcome");
    await listener.close();
  });
});
