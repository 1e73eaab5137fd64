import type { Socket } from "node:net";
import { createServer, type Server } from "node:tls";
import { AgentError, type ErrorKind } from "../../../../lib/errors.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { readIdentity } from "../../../../lib/net/tls/files.ts";
import { connectMtls, type MtlsSettings } from "../../../../lib/transport/endpoint/mtls.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { type CertificateFiles, Certificates } from "../../../support/certificates.ts";

const OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";

interface Gateway {
  settings: MtlsSettings;
  directory: string;
  stranger: CertificateFiles;
  /** What clients have sent, a line per request. */
  requests: string[];
  /** Settles at the first request. */
  asked: Promise<void>;
  /** What it answers to a request before it ends the connection. */
  answer: string;
  /** Whether it ends connections without `close_notify`. */
  rude: boolean;
}

/** A gateway on a real `node:tls` server that answers requests one by one. */
async function withGateway(
  body: (gateway: Gateway) => Promise<void>,
  options: { rejectUnauthorized?: boolean } = {},
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "mtls-" });
  const certificates = new Certificates(directory);
  const authority = await certificates.authority("ca");
  const identity = await certificates.issue(authority, "gateway", { altNames: "DNS:gpu.example" });
  const client = await certificates.issue(authority, "client");
  const stranger = await certificates.issue(await certificates.authority("other"), "stranger");
  const sockets = new Set<Socket>();
  const server = createServer({
    ...await readIdentity(identity, "gateway"),
    ca: await Deno.readTextFile(authority.certFile),
    requestCert: true,
    rejectUnauthorized: options.rejectUnauthorized ?? true,
    allowHalfOpen: true,
  });
  const port = await listening(server);
  const settings = {
    host: "127.0.0.1",
    port,
    serverName: "gpu.example",
    ...client,
    caFile: authority.certFile,
  };
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const gateway: Gateway = {
    settings,
    directory,
    stranger,
    requests: [],
    asked,
    answer: OK,
    rude: false,
  };
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {/* The client is gone, as the test means it to be. */});
  });
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("secureConnection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {/* As above. */});
    socket.on("data", (chunk) => {
      gateway.requests.push(chunk.toString());
      ask();
      if (gateway.rude) socket.write(gateway.answer, () => socket.destroy());
      else if (gateway.answer === "") socket.end();
      else if (gateway.answer !== "silence") socket.end(gateway.answer);
    });
  });
  try {
    await body(gateway);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
    await Deno.remove(directory, { recursive: true });
  }
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert(address !== null && typeof address === "object");
  return address.port;
}

function signal(): AbortSignal {
  return new AbortController().signal;
}

async function refusal(settings: MtlsSettings, kind: ErrorKind, message: string): Promise<void> {
  const error = await assertRejects(() => connectMtls(settings, signal()), AgentError, message);
  assert(error instanceof AgentError);
  assertEquals(error.kind, kind);
  assert(error.hint !== undefined);
}

async function ask(duplex: Duplex, text: string): Promise<string> {
  await duplex.write(new TextEncoder().encode(text));
  let answer = "";
  for (let chunk; (chunk = await duplex.read()) !== null;) {
    answer += new TextDecoder().decode(chunk);
  }
  duplex.close();
  await duplex.closed;
  return answer;
}

Deno.test("connecting asks for the engine and for a guest, and streams to the engine follow", async () => {
  await withGateway(async (gateway) => {
    const { settings, requests } = gateway;
    const transport = await connectMtls(settings, signal());
    assertEquals(transport.description, `mtls://gpu.example via 127.0.0.1:${settings.port}`);
    assertEquals(requests, [
      "GET /_ping HTTP/1.1\r\nHost: gpu.example\r\nConnection: close\r\n\r\n",
      "GET /tinyscale/v1/info HTTP/1.1\r\nHost: gpu.example\r\nConnection: close\r\n\r\n",
    ]);
    const duplex = await transport.open({ kind: "docker" });
    assertEquals(await ask(duplex, "GET /info HTTP/1.1\r\n\r\n"), OK);
    assertEquals(requests.length, 3);
    transport.close();
    assertEquals(await transport.closed, undefined);
  });
});

Deno.test("a stream that is cut is lost", async () => {
  await withGateway(async (gateway) => {
    const transport = await connectMtls(gateway.settings, signal());
    const duplex = await transport.open({ kind: "docker" });
    gateway.rude = true;
    const error = await assertRejects(() => ask(duplex, "GET /info HTTP/1.1\r\n\r\n"), AgentError);
    assertEquals((error as AgentError).kind, "lost");
    duplex.close();
    transport.close();
  });
});

Deno.test("a cut is an end where the gateway ends no stream otherwise", async () => {
  await withGateway(async (gateway) => {
    gateway.rude = true;
    const transport = await connectMtls(gateway.settings, signal());
    const duplex = await transport.open({ kind: "docker" });
    assertEquals(await ask(duplex, "GET /info HTTP/1.1\r\n\r\n"), OK);
    transport.close();
  });
});

Deno.test("closing ends every stream, and nothing can be opened afterwards", async () => {
  await withGateway(async (gateway) => {
    const transport = await connectMtls(gateway.settings, signal());
    gateway.answer = "silence";
    const duplex = await transport.open({ kind: "docker" }, { lane: "bulk" });
    transport.close();
    transport.close();
    await duplex.closed;
    await transport.closed;
    const error = await assertRejects(() => transport.open({ kind: "docker" }), AgentError);
    assertEquals((error as AgentError).kind, "lost");
  });
});

Deno.test("targets beside the engine are refused with what the gateway would need", async () => {
  await withGateway(async ({ settings }) => {
    const transport = await connectMtls(settings, signal());
    for (
      const target of [
        { kind: "tcp", host: "127.0.0.1", port: 8080 },
        { kind: "unix", path: "/run/x.sock" },
      ] as const
    ) {
      const error = await assertRejects(() => transport.open(target), AgentError, "Cannot reach");
      assert(error instanceof AgentError);
      assertEquals(error.kind, "engine");
      assert(error.message.includes("no guest of the remote host (/tinyscale/v1)"));
      assertEquals(transport.limits?.startsWith("the gateway leads to Docker only"), true);
    }
    transport.close();
  });
});

Deno.test("a gateway that is away when a stream is opened counts as lost", async () => {
  let transport: Awaited<ReturnType<typeof connectMtls>> | undefined;
  await withGateway(async ({ settings }) => {
    transport = await connectMtls(settings, signal());
  });
  const error = await assertRejects(
    () => transport?.open({ kind: "docker" }) ?? Promise.reject(),
    AgentError,
    "connection refused",
  );
  assertEquals((error as AgentError).kind, "lost");
  transport?.close();
});

const ANSWERS: [string, ErrorKind, string][] = [
  [
    "HTTP/1.1 400 Bad Request\r\n\r\n<html><center>No required SSL certificate was sent</center>",
    "authentication",
    "refused the client certificate",
  ],
  [
    'HTTP/1.1 421 Misdirected Request\r\n\r\n{"message":"no such host: gpu.example"}\n',
    "engine",
    'has no engine for "gpu.example": 421 no such host: gpu.example',
  ],
  [
    "HTTP/1.1 502 Bad Gateway\r\n\r\n<html>\r\n<h1>502 Bad Gateway</h1>\r\n</html>",
    "engine",
    "502 502 Bad Gateway",
  ],
  ["", "authentication", "closed the connection without an answer"],
  ["SSH-2.0-OpenSSH_9.2\r\n", "engine", "does not answer in HTTP"],
  ["x".repeat(100_000), "engine", "does not answer in HTTP"],
];

for (const [answer, kind, message] of ANSWERS) {
  Deno.test(`a gateway that answers ${JSON.stringify(answer.slice(0, 40))} is refused`, async () => {
    await withGateway(async (gateway) => {
      gateway.answer = answer;
      await refusal(gateway.settings, kind, message);
    });
  });
}

Deno.test("a client certificate that the gateway does not trust is named", async () => {
  await withGateway(async ({ settings, stranger }) => {
    await refusal({ ...settings, ...stranger }, "authentication", "");
  });
});

Deno.test("wrong files are named before anything is dialed", async () => {
  await withGateway(async ({ settings, directory, stranger, requests }) => {
    const nope = `${directory}/nope`;
    await refusal({ ...settings, certFile: nope }, "config", "Cannot read the client certificate");
    await refusal({ ...settings, keyFile: nope }, "config", "Cannot read the client key");
    await refusal({ ...settings, caFile: nope }, "config", "Cannot read the gateway CA");
    await refusal({ ...settings, keyFile: stranger.keyFile }, "config", "does not match");
    assertEquals(requests, []);
  });
});

Deno.test("connecting ends when told to", async () => {
  await withGateway(async (gateway) => {
    gateway.answer = "silence";
    const controller = new AbortController();
    const connecting = connectMtls(gateway.settings, controller.signal);
    const rejected = assertRejects(() => connecting, AgentError);
    await gateway.asked;
    controller.abort();
    await rejected;
  });
});
