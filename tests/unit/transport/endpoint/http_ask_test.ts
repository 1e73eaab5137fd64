import { AgentError } from "../../../../lib/errors.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { ask, NoAnswer } from "../../../../lib/transport/endpoint/http_ask.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";

/** Takes what it is sent and says nothing; closed here, it ends in good order, as a TLS stream does. */
function silent(): Duplex {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  return {
    read: () => closed.then(() => null),
    write: () => Promise.resolve(),
    closeWrite: () => Promise.resolve(),
    close: resolve,
    closed,
  };
}

const QUESTION = { path: "/_ping", host: "h" };
const LONG = 3_600_000;

Deno.test("a server that says nothing in time has given no answer, and no empty one", async () => {
  await assertRejects(() => ask(silent(), { ...QUESTION, timeoutMs: 1 }), NoAnswer);
  const signal = AbortSignal.timeout(1);
  await assertRejects(() => ask(silent(), { ...QUESTION, timeoutMs: LONG, signal }), NoAnswer);
});

Deno.test("a question that nobody wants an answer to any more says so", async () => {
  const giveUp = new AbortController();
  const asking = ask(silent(), { ...QUESTION, timeoutMs: LONG, signal: giveUp.signal });
  giveUp.abort();
  await assertRejects(() => asking, AgentError, "no longer wanted");
});

Deno.test("a server that ends the connection itself has given an empty answer", async () => {
  const server = silent();
  server.close();
  assertEquals(await ask(server, { ...QUESTION, timeoutMs: LONG }), { text: "" });
});
