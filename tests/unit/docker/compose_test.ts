/** The onion and the reply of our own. */
import { compose, type Layer } from "../../../lib/docker/compose.ts";
import { errorReply } from "../../../lib/docker/error_reply.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { text } from "../../support/duplex.ts";

Deno.test("layers run outermost first and unwind in reverse", async () => {
  const seen: string[] = [];
  const layer = (name: string): Layer<string, string> => async (_exchange, next) => {
    seen.push(`>${name}`);
    const response = await next();
    seen.push(`<${name}`);
    return `${response}${name}`;
  };
  const run = compose([layer("a"), layer("b")], (exchange) => Promise.resolve(`${exchange}:`));
  assertEquals(await run("x"), "x:ba");
  assertEquals(seen, [">a", ">b", "<b", "<a"]);
});

Deno.test("a layer may answer without the engine", async () => {
  const run = compose<string, string>(
    [() => Promise.resolve("mine")],
    () => Promise.reject(new Error("not reached")),
  );
  assertEquals(await run("x"), "mine");
});

Deno.test("calling the engine twice from one layer is refused", async () => {
  const run = compose<string, string>(
    [async (_exchange, next) => await next() + await next()],
    () => Promise.resolve("once"),
  );
  await assertRejects(() => run("x"), Error, "called twice");
});

Deno.test("an error reply has the engine's shape", () => {
  assertEquals(
    text(errorReply(503, 'no "host"', { close: true })),
    "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 26\r\n" +
      'Connection: close\r\n\r\n{"message":"no \\"host\\""}\n',
  );
  assertEquals(text(errorReply(400, "x", { head: true })).endsWith("\r\n\r\n"), true);
});
