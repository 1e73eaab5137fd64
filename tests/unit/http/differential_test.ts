/**
 * Our parser beside `node:http`, an implementation nobody here wrote: what we accept it reads in
 * the same way, and what it refuses we refuse too. Requests are relayed unchanged, so a difference
 * would be a way to smuggle one request inside another.
 */
import { createServer, type IncomingMessage, METHODS, type Server } from "node:http";
import { connect } from "node:net";
import { RequestParser } from "../../../lib/http/parser.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { CONVERSATIONS } from "./corpus.ts";
import { makeRequest, Random } from "./generate.ts";
import { REFUSED_REQUESTS } from "./refusals.ts";
import { bytes, run, type Seen } from "./wire.ts";

const SEED = 20260103;
const GENERATED = 3000;

/**
 * What we refuse and Deno's node:http takes: framing that two readers may understand in two ways,
 * and what the engine would refuse.
 */
const STRICTER = new Set([
  "gzip before chunked",
  "gzip and chunked in two fields",
  "an empty Transfer-Encoding",
  "a list with an empty member",
  "Transfer-Encoding in HTTP/1.0",
  "two Hosts",
  "two Hosts in HTTP/1.0",
  "HTTP/0.9",
  "HTTP/0.9 by name",
  "HTTP/2.0",
  "two spaces before the target",
  "two spaces after the target",
  "a chunk size of 17 digits",
  "a chunk size beyond counting",
  "a chunk size of 64 bits",
]);

/** What node made of one connection. */
interface NodeView {
  /** Head and body of each request, as `Seen.head` and `Seen.data`. */
  readonly requests: { head: string; data: string }[];
  /** Whether it met a parse error. */
  refused: boolean;
  /** What it answered. */
  answers: string;
}

/** A strict node server that notes what it understands. */
class NodeReader implements AsyncDisposable {
  readonly #server: Server;
  readonly #port: Promise<number>;
  #view: NodeView = { requests: [], refused: false, answers: "" };

  constructor() {
    this.#server = createServer((request, response) => {
      this.#note(request).then(() => response.end(), () => response.destroy());
    });
    this.#server.on("upgrade", (request: IncomingMessage, socket) => {
      this.#view.requests.push({ head: describe(request), data: "" });
      socket.end();
    });
    this.#server.on("connect", (_request, socket) => socket.end());
    for (const event of ["checkContinue", "checkExpectation"]) {
      this.#server.on(event, (...args) => this.#server.emit("request", ...args));
    }
    this.#server.on("clientError", (error: Error & { code?: unknown }, socket) => {
      this.#view.refused ||= String(error.code).startsWith("HPE_");
      socket.destroy();
    });
    this.#port = new Promise((resolve) => {
      this.#server.listen(0, "127.0.0.1", () => {
        const address = this.#server.address();
        if (typeof address === "object" && address !== null) resolve(address.port);
      });
    });
  }

  /** Sends `wire` on a connection of its own and waits for the end of it. */
  async read(wire: Uint8Array): Promise<NodeView> {
    this.#view = { requests: [], refused: false, answers: "" };
    const port = await this.#port;
    await new Promise<void>((resolve) => {
      const socket = connect({ port, host: "127.0.0.1" }, () => socket.end(wire));
      socket.on("error", () => {
        // A refused connection may be reset; `close` follows.
      });
      socket.on("close", () => resolve());
      socket.setEncoding("latin1");
      socket.on("data", (piece) => this.#view.answers += piece);
    });
    return this.#view;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #note(request: IncomingMessage): Promise<void> {
    const { requests } = this.#view;
    const entry = { head: describe(request), data: "" };
    requests.push(entry);
    request.setEncoding("latin1");
    for await (const piece of request) entry.data += piece;
  }
}

function describe({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const fields = rawHeaders.flatMap((name, at) =>
    at % 2 === 0 ? [`${name}=${rawHeaders[at + 1]}`] : []
  );
  return [method, url, httpVersion, ...fields].join("\n");
}

function ours(wire: string): Seen[] {
  return run(new RequestParser(), [bytes(wire)]);
}

/** The whole messages that node, too, would read: no upgrade before them, no method it lacks. */
function comparable(seen: readonly Seen[]): Seen[] {
  const stop = seen.findIndex(({ head = "", ended }) => {
    const [method = ""] = head.split("\n");
    return !ended || !METHODS.includes(method) || method === "CONNECT" || /^Upgrade=/im.test(head);
  });
  return seen.slice(0, stop < 0 ? seen.length : stop);
}

function meaning(seen: readonly Seen[]): NodeView["requests"] {
  return seen.map(({ head = "", data }) => ({ head, data }));
}

Deno.test("node reads the docker conversations as we do", async () => {
  await using node = new NodeReader();
  let compared = 0;
  for (const { name, wire, answers } of CONVERSATIONS) {
    const seen = answers === undefined ? comparable(ours(wire)) : [];
    if (seen.length === 0) continue;
    compared++;
    assertEquals((await node.read(bytes(wire))).requests, meaning(seen), name);
  }
  assert(compared >= 6, `Only ${compared} conversations were compared`);
});

Deno.test("node refuses what we refuse, but for known cases", async () => {
  await using node = new NodeReader();
  for (const [name, wire] of REFUSED_REQUESTS) {
    const { refused, answers } = await node.read(bytes(wire));
    assertEquals(refused || / 4[0-9]{2} /.test(answers), !STRICTER.has(name), name);
  }
});

Deno.test("node reads generated requests as we do", async () => {
  await using node = new NodeReader();
  const random = new Random(SEED);
  let compared = 0;
  for (let at = 0; at < GENERATED; at++) {
    const wire = makeRequest(random);
    const seen = comparable(ours(wire));
    if (seen.length === 0) continue;
    compared++;
    const { requests } = await node.read(bytes(wire));
    const name = `Seed ${SEED}: ${JSON.stringify(wire)}`;
    assertEquals(requests.slice(0, seen.length), meaning(seen), name);
  }
  assert(compared > GENERATED / 10, `Only ${compared} requests were compared`);
});
