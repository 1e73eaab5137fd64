/** A client that leaves a wait which goes on: over a gateway, its answer ends as if it were cut. */
import { resume } from "../../../../lib/intercept/resume/resume.ts";
import { configureLogging } from "../../../../lib/log.ts";
import { assertEquals } from "../../../support/assert.ts";
import { readAll, readUntil, say } from "../../../support/duplex.ts";
import { bench } from "../../../support/engine.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

Deno.test("what a client has left is not asked for again", async () => {
  const streams = { endSilently: true };
  const b = bench({ warm: 0, interceptors: [resume(() => ({ streams }))] });
  try {
    const client = b.connect();
    await say(
      client,
      "POST /v1.41/containers/x/wait?condition=next-exit HTTP/1.1\r\nHost: d\r\n\r\n",
    );
    const engine = await b.accept();
    await readUntil(engine, "\r\n\r\n");
    await say(engine, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    await readUntil(client, "\r\n\r\n");
    await client.closeWrite();
    // As the engine and nginx do at the end of a client's direction.
    assertEquals(await engine.read(), null);
    await engine.closeWrite();
    assertEquals(await readAll(client), "");
    assertEquals(b.opened(), 1);
  } finally {
    await b.end();
  }
});
