/** Whether the peer has ended a TLS stream or something has cut it off. */
import { connect as connectTcp, createServer as createTcpServer, type Socket } from "node:net";
import { connect, createServer, type SecureVersion, type TLSSocket } from "node:tls";
import { initAuthority, issueServer } from "../../../../lib/certs/certs.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { readIdentity } from "../../../../lib/net/tls/files.ts";
import { socketDuplex } from "../../../../lib/net/tls/stream.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";

/** Honoured by `tls.connect`, but not in its types. */
const HALF_OPEN: Record<string, unknown> = { allowHalfOpen: true };
const encoder = new TextEncoder();

/** A TLS server, and something in between that can cut. */
interface Line {
  /** A client, connected. */
  connect(version: SecureVersion): Promise<Duplex>;
  /** The server's end of the next connection. */
  accept(): Promise<Duplex>;
  /** Ends the way from the server to the client: by a FIN after what has come, or by a reset. */
  cut(how: "fin" | "reset"): void;
}

async function withLine(body: (line: Line) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "tls-cut-" });
  const options = { directory, force: false };
  const { certFile } = await initAuthority(options);
  const ca = await Deno.readTextFile(certFile);
  const identity = await readIdentity(await issueServer(["localhost"], options), "server");
  const sockets: Socket[] = [];
  const accepted: Duplex[] = [];
  const takers: ((duplex: Duplex) => void)[] = [];
  const server = createServer({ ...identity, allowHalfOpen: true }, (socket: TLSSocket) => {
    const duplex = socketDuplex(socket);
    const taker = takers.shift();
    if (taker === undefined) accepted.push(duplex);
    else taker(duplex);
  });
  const port = await listening(server);
  let toClient: Socket | undefined;
  const between = createTcpServer({ allowHalfOpen: true }, (near) => {
    const far = connectTcp({ port, host: "127.0.0.1", ...HALF_OPEN });
    sockets.push(near, far);
    toClient = near;
    for (const each of [near, far]) each.on("error", () => {/* Cut, as it is meant to be. */});
    near.pipe(far);
    far.pipe(near);
  });
  const way = await listening(between);
  try {
    await body({
      async connect(version) {
        const versions = { minVersion: version, maxVersion: version };
        const to = { port: way, host: "127.0.0.1", servername: "localhost", ca };
        const socket = connect({ ...to, ...versions, ...HALF_OPEN });
        sockets.push(socket);
        await new Promise((resolve) => socket.once("secureConnect", resolve));
        return socketDuplex(socket);
      },
      accept: () =>
        new Promise((resolve) => {
          const duplex = accepted.shift();
          if (duplex === undefined) takers.push(resolve);
          else resolve(duplex);
        }),
      cut(how) {
        if (how === "fin") toClient?.end();
        else toClient?.resetAndDestroy();
      },
    });
  } finally {
    for (const socket of sockets) socket.destroy();
    for (const each of [between, server]) await new Promise((resolve) => each.close(resolve));
    await Deno.remove(directory, { recursive: true });
  }
}

async function listening(server: ReturnType<typeof createTcpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return address.port;
}

/** What comes, and how it ends. */
async function readToEnd(duplex: Duplex): Promise<string> {
  let text = "";
  try {
    for (let chunk = await duplex.read(); chunk !== null; chunk = await duplex.read()) {
      text += new TextDecoder().decode(chunk);
    }
    return `${text} end`;
  } catch (error) {
    return `${text} ${error instanceof Error ? error.name : error}`;
  }
}

/** Writes until that fails. */
async function writeOn(duplex: Duplex): Promise<never> {
  for (;;) {
    await duplex.write(new Uint8Array(64 * 1024));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  Deno.test(`${version}: an end is told from a cut`, async () => {
    await withLine(async (line) => {
      for (const how of ["close_notify", "destroyed", "fin", "reset"] as const) {
        const client = await line.connect(version);
        const server = await line.accept();
        await server.write(encoder.encode("said"));
        const first = await client.read();
        assertEquals(new TextDecoder().decode(first ?? undefined), "said");
        if (how === "close_notify") await server.closeWrite();
        else if (how === "destroyed") server.close();
        else line.cut(how);
        assertEquals(
          await readToEnd(client),
          how === "close_notify" ? " end" : " UnexpectedEof",
          how,
        );
        if (how === "reset") await assertRejects(() => writeOn(client), Error);
        for (const each of [client, server]) each.close();
        await client.closed;
      }
    });
  });

  Deno.test(`${version}: an end that comes together with the last bytes is an end`, async () => {
    await withLine(async (line) => {
      for (const size of [0, 1, 2, 1000, 16_384, 200_000]) {
        const client = await line.connect(version);
        const server = await line.accept();
        const text = readToEnd(client);
        await server.write(new Uint8Array(size).fill(120));
        await server.closeWrite();
        server.close();
        assertEquals(await text, `${"x".repeat(size)} end`, `${size}`);
        client.close();
        await client.closed;
      }
    });
  });
}
