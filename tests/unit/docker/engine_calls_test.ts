/** Requests whose bodies are streams, and connections that are used again. */
import { EngineCalls } from "../../../lib/docker/engine_calls.ts";
import { AgentError, isLostError } from "../../../lib/errors.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { readUntil, say } from "../../support/duplex.ts";

const BYTES = new TextEncoder().encode("archive");

/** Connections whose other ends `serve` one after the other. */
function bench(...serve: ((engine: Duplex) => Promise<void>)[]) {
  const served: Promise<void>[] = [];
  const calls = new EngineCalls(() => {
    const [near, far] = memoryPair();
    const next = serve.shift();
    if (next === undefined) throw new Error("One connection too many");
    served.push(next(far));
    return Promise.resolve(near);
  });
  return { calls, end: async () => (calls.close(), void await Promise.all(served)) };
}

async function text(read: () => Promise<Uint8Array | null>): Promise<string> {
  let whole = "";
  for (let bytes = await read(); bytes !== null; bytes = await read()) {
    whole += new TextDecoder().decode(bytes);
  }
  return whole;
}

Deno.test("a body is sent in chunks, and the answer's is read as it comes", async () => {
  let got = "";
  const { calls, end } = bench(async (engine) => {
    got = await readUntil(engine, "\r\n0\r\n\r\n");
    const chunks = "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
    await say(engine, `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`);
  });
  const send = (to: Pick<Duplex, "write">) => to.write(BYTES);
  const reply = await calls.call({ method: "PUT", path: "/a?b=c", send }, text);
  assertEquals([reply.status, reply.value, reply.message], [200, "abcde", ""]);
  assertEquals(
    got,
    "PUT /a?b=c HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\n" +
      "Transfer-Encoding: chunked\r\n\r\n7\r\narchive\r\n0\r\n\r\n",
  );
  await end();
});

Deno.test("an engine that refuses before all is sent is heard", async () => {
  const refused = Promise.withResolvers<void>();
  const { calls, end } = bench(async (engine) => {
    await readUntil(engine, "archive");
    const body = `{"message":"no space left on device"}`;
    await say(engine, `HTTP/1.1 500 Oh\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    refused.resolve();
  });
  const send = async (to: Pick<Duplex, "write">) => {
    await to.write(BYTES);
    await refused.promise;
    for (;;) await to.write(new Uint8Array(100_000));
  };
  const { status, value, message } = await calls.call({ method: "PUT", path: "/a", send }, text);
  assertEquals([status, value, message], [500, undefined, "no space left on device"]);
  await end();
});

Deno.test("what cannot be read here is no answer of the engine", async () => {
  const { calls, end } = bench(async (engine) => {
    await readUntil(engine, "archive");
    while (await engine.read().catch(() => null) !== null);
  });
  const send = async (to: Pick<Duplex, "write">) => {
    await to.write(BYTES);
    throw new AgentError("engine", "The file cannot be read");
  };
  const call = { method: "PUT", path: "/a", send } as const;
  await assertRejects(() => calls.call(call, text), AgentError, "cannot be read");
  await end();
});

Deno.test("a kept connection that has ended is replaced; a new one that ends is lost", async () => {
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1";
  const once = async (engine: Duplex) => {
    await readUntil(engine, "\r\n\r\n");
    await say(engine, answer);
  };
  const { calls, end } = bench(async (engine) => {
    await once(engine);
    await readUntil(engine, "\r\n\r\n");
    engine.close();
  }, once);
  const ask = () => calls.json({ method: "GET", path: "/x" });
  assertEquals((await ask()).value, 1);
  assertEquals((await ask()).value, 1);
  await end();

  const short = bench(async (engine) => {
    await readUntil(engine, "\r\n\r\n");
    engine.close();
  });
  const error = await assertRejects(
    () => short.calls.json({ method: "GET", path: "/x" }),
    AgentError,
    "No answer from the engine to GET /x",
  );
  assertEquals(isLostError(error), true);
  await short.end();
});
