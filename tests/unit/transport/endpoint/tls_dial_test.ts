import { X509Certificate } from "node:crypto";
import { createServer as createTcpServer, type Server, type Socket } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import { initAuthority, issueClient, issueServer } from "../../../../lib/certs/certs.ts";
import { AgentError, type ErrorKind } from "../../../../lib/errors.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { readIdentity } from "../../../../lib/net/tls/files.ts";
import { dialPlain, dialTls, tlsContext } from "../../../../lib/transport/endpoint/tls_dial.ts";
import { type TlsEndpoint, tlsError } from "../../../../lib/transport/endpoint/tls_error.ts";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../../../support/assert.ts";
import { type CertificateFiles, Certificates } from "../../../support/certificates.ts";

interface House {
  certificates: Certificates;
  authority: CertificateFiles;
  server: CertificateFiles;
  client: CertificateFiles;
}

async function withHouse(body: (house: House) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "tls-dial-" });
  try {
    const certificates = new Certificates(directory);
    const authority = await certificates.authority("ca");
    const altNames = "DNS:gw.example,DNS:*.containers.example,IP:127.0.0.1";
    const server = await certificates.issue(authority, "server", { altNames });
    const client = await certificates.issue(authority, "client");
    await body({ certificates, authority, server, client });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Runs `body` against a server that hands its connections to `serve`. */
async function withServer(
  server: Server,
  event: "connection" | "secureConnection",
  serve: (socket: Socket) => void,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {/* The client gave up, as the test means it to. */});
  });
  server.on("tlsClientError", (_error, socket: Socket) => socket.destroy());
  server.on(event, (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {/* As above. */});
    serve(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  try {
    await body(address.port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
}

async function withTls(
  house: House,
  options: TlsOptions,
  serve: (socket: Socket) => void,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const server = createServer({
    ...await readIdentity(house.server, "server"),
    ca: await Deno.readTextFile(house.authority.certFile),
    requestCert: true,
    rejectUnauthorized: true,
    allowHalfOpen: true,
    ...options,
  });
  await withServer(server, "secureConnection", serve, body);
}

async function contextOf(house: House, client = house.client, authority = house.authority) {
  return tlsContext(
    await readIdentity(client, "client"),
    await Deno.readTextFile(authority.certFile),
  );
}

async function readAll(duplex: Duplex): Promise<string> {
  let text = "";
  for (let chunk; (chunk = await duplex.read()) !== null;) text += new TextDecoder().decode(chunk);
  return text;
}

function at(port: number, serverName = "gw.example"): TlsEndpoint {
  return { host: "127.0.0.1", port, serverName };
}

function assertKind(error: Error, kind: ErrorKind): void {
  assert(error instanceof AgentError);
  assertEquals(error.kind, kind);
  assert(error.hint !== undefined);
}

Deno.test("a dialed connection carries the client certificate and the SNI name, and half-closes", async () => {
  await withHouse(async (house) => {
    const seen: unknown[] = [];
    const serve = (socket: Socket & { servername?: string | false; authorized?: boolean }) => {
      seen.push(socket.servername, socket.authorized);
      let text = "";
      socket.on("data", (chunk) => text += chunk.toString());
      socket.on("end", () => socket.end(`got ${text}`));
    };
    await withTls(house, {}, serve, async (port) => {
      const context = await contextOf(house);
      const { validTo } = new X509Certificate(await Deno.readTextFile(house.server.certFile));
      for (const serverName of ["gw.example", "gpu.containers.example"]) {
        const until: string[] = [];
        const onServerCertificate = (validTo: string) => void until.push(validTo);
        const endpoint = at(port, serverName);
        const duplex = await dialTls({ endpoint, context, onServerCertificate });
        assertEquals(until, [validTo]);
        await duplex.write(new TextEncoder().encode("hello"));
        await duplex.closeWrite();
        assertEquals(await readAll(duplex), "got hello");
        duplex.close();
        await duplex.closed;
      }
      assertEquals(seen, ["gw.example", true, "gpu.containers.example", true]);
    });
  });
});

Deno.test("after the server has ended its half, ours goes on", async () => {
  await withHouse(async (house) => {
    const received = Promise.withResolvers<string>();
    const serve = (socket: Socket) => {
      let text = "";
      socket.on("data", (chunk) => text += chunk.toString());
      socket.on("end", () => received.resolve(text));
      socket.end("bye");
    };
    await withTls(house, {}, serve, async (port) => {
      const duplex = await dialTls({ endpoint: at(port), context: await contextOf(house) });
      assertEquals(await readAll(duplex), "bye");
      await duplex.write(new TextEncoder().encode("still writing"));
      await duplex.closeWrite();
      assertEquals(await received.promise, "still writing");
      duplex.close();
      await duplex.closed;
    });
  });
});

Deno.test("a server is verified by IP address when that is its name", async () => {
  await withHouse(async (house) => {
    await withTls(house, {}, (socket) => socket.end(), async (port) => {
      const context = await contextOf(house);
      (await dialTls({ endpoint: at(port, "127.0.0.1"), context })).close();
      await assertRejects(
        () => dialTls({ endpoint: at(port, "127.0.0.2"), context }),
        AgentError,
        'the server certificate is not for "127.0.0.2"',
      );
    });
  });
});

Deno.test("a server that cannot be trusted is refused, with the cause named", async () => {
  await withHouse(async (house) => {
    const other = await house.certificates.authority("other");
    await withTls(house, {}, (socket) => socket.end(), async (port) => {
      const wrongName = await assertRejects(
        async () => dialTls({ endpoint: at(port, "x.example"), context: await contextOf(house) }),
        AgentError,
        `Cannot connect to "127.0.0.1:${port}": the server certificate is not for "x.example" ` +
          "but for gw.example, *.containers.example, 127.0.0.1",
      );
      assertKind(wrongName, "authentication");
      const unknown = await assertRejects(
        async () =>
          dialTls({ endpoint: at(port), context: await contextOf(house, house.client, other) }),
        AgentError,
        "unknown authority",
      );
      assertKind(unknown, "authentication");
      const publicOnly = tlsContext(await readIdentity(house.client, "client"), undefined);
      await assertRejects(
        () => dialTls({ endpoint: at(port), context: publicOnly }),
        AgentError,
        "unknown authority",
      );
    });
  });
});

Deno.test("an expired server certificate is refused", async () => {
  await withHouse(async (house) => {
    const expired = await house.certificates.issue(house.authority, "expired", {
      altNames: "DNS:gw.example",
      days: -1,
    });
    const options = {
      cert: await Deno.readTextFile(expired.certFile),
      key: await Deno.readTextFile(expired.keyFile),
    };
    await withTls(house, options, (socket) => socket.end(), async (port) => {
      const error = await assertRejects(
        async () => dialTls({ endpoint: at(port), context: await contextOf(house) }),
        AgentError,
        "the server certificate has expired",
      );
      assertKind(error, "authentication");
    });
  });
});

Deno.test("what the runtime only calls unverified is told by its cause", async () => {
  const directory = await Deno.makeTempDir({ prefix: "tls-flaws-" });
  try {
    const options = { directory, force: false };
    const { certFile: ca } = await initAuthority(options);
    const context = tlsContext(undefined, await Deno.readTextFile(ca));
    const cases: [{ certFile: string; keyFile: string }, message: string][] = [
      // One that has been good and no longer is, which is not how the runtime knows one.
      [await issueServer(["gw.example"], { ...options, days: -0.001 }), "has expired"],
      [await issueClient("somebody", options), "is not for servers"],
    ];
    for (const [files, message] of cases) {
      const server = createServer({
        cert: await Deno.readTextFile(files.certFile),
        key: await Deno.readTextFile(files.keyFile),
      });
      await withServer(server, "secureConnection", (socket) => socket.end(), async (port) => {
        const dial = () => dialTls({ endpoint: at(port), context });
        const error = await assertRejects(dial, AgentError, `the server certificate ${message}`);
        assertKind(error, "authentication");
      });
    }
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

Deno.test("a refused client certificate shows at the latest on the first read, and is named", async () => {
  await withHouse(async (house) => {
    await withTls(house, {}, (socket) => socket.end("let in"), async (port) => {
      const context = createContextWithoutCertificate(house.authority);
      const endpoint = at(port);
      const attempt = async () => {
        const duplex = await dialTls({ endpoint, context: await context });
        try {
          return await readAll(duplex);
        } finally {
          duplex.close();
        }
      };
      const error = tlsError(endpoint, await assertRejects(attempt));
      assertKind(error, "authentication");
      assertStringIncludes(error.message, "the server refused the client certificate");
    });
  });
});

async function createContextWithoutCertificate(authority: CertificateFiles) {
  const { createSecureContext } = await import("node:tls");
  return createSecureContext({ ca: await Deno.readTextFile(authority.certFile) });
}

Deno.test("a server without TLS, one that hangs up and one that is not there are told apart", async () => {
  await withHouse(async (house) => {
    const context = await contextOf(house);
    const reject = async (port: number, message: string) => {
      const error = await assertRejects(
        () => dialTls({ endpoint: at(port), context }),
        AgentError,
        message,
      );
      assertKind(error, "unreachable");
    };
    let free = 0;
    const http = (socket: Socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n");
    await withServer(createTcpServer(), "connection", http, async (port) => {
      free = port;
      await reject(port, "the server does not speak TLS");
    });
    await reject(free, "connection refused");
    const hangUp = (socket: Socket) => void socket.destroy();
    await withServer(createTcpServer(), "connection", hangUp, async (port) => {
      await reject(port, `"127.0.0.1:${port}": the server ended the TLS handshake`);
    });
  });
});

Deno.test("an address with a zone, which the runtime does not know, is refused in clear words", async () => {
  const endpoint = { host: "fe80::1%eth0", port: 8443, serverName: "fe80::1%eth0" };
  for (
    const dial of [
      () => dialPlain({ endpoint }),
      () => dialTls({ endpoint, context: tlsContext(undefined, undefined) }),
    ]
  ) {
    const error = await assertRejects(dial, AgentError);
    assertStringIncludes(error.message, '"[fe80::1%eth0]:8443": an address with a zone');
  }
});

Deno.test("dialing ends when told to, and after its time", async () => {
  await withHouse(async (house) => {
    const context = await contextOf(house);
    const connected = Promise.withResolvers<void>();
    const silent = () => connected.resolve();
    await withServer(createTcpServer(), "connection", silent, async (port) => {
      const controller = new AbortController();
      const dialing = dialTls({ endpoint: at(port), context, signal: controller.signal });
      await connected.promise;
      controller.abort();
      await assertRejects(() => dialing, AgentError, "Gave up connecting");
      await assertRejects(
        () => dialTls({ endpoint: at(port), context, signal: controller.signal }),
        AgentError,
        "Gave up connecting",
      );
      const late = await assertRejects(
        () => dialTls({ endpoint: at(port), context, timeoutMs: 1 }),
        AgentError,
        "no answer within 1 s",
      );
      assertKind(late, "unreachable");
    });
  });
});

class SystemError extends Error {
  constructor(readonly code: string) {
    super(`failed with ${code}`);
  }
}

const CODES: [string, ErrorKind, string][] = [
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "authentication", "unknown authority"],
  ["UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "authentication", "unknown authority"],
  ["CERT_NOT_YET_VALID", "authentication", "not valid yet"],
  ["ERR_SSL_TLSV1_ALERT_UNKNOWN_CA", "authentication", "refused the client certificate"],
  ["ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED", "authentication", "refused the client certificate"],
  ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", "authentication", "refused the client certificate"],
  ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", "engine", 'does not know "gw.example"'],
  ["ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION", "unreachable", "TLS 1.2 or later"],
  ["ENOTFOUND", "unreachable", '"127.0.0.1" cannot be resolved'],
  ["EHOSTUNREACH", "unreachable", "failed with EHOSTUNREACH"],
  ["", "unreachable", "failed with"],
];

for (const [code, kind, reason] of CODES) {
  Deno.test(`a TLS failure with code "${code}" is explained`, () => {
    const error = tlsError(at(443), new SystemError(code));
    assertKind(error, kind);
    assertStringIncludes(error.message, reason);
  });
}
