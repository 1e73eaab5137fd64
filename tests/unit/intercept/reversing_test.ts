/** When ports of this machine are wanted by containers. */
import { afterStart } from "../../../lib/intercept/reversing.ts";
import { configureLogging } from "../../../lib/log.ts";
import { assertEquals } from "../../support/assert.ts";
import { readUntil, say } from "../../support/duplex.ts";
import { bench } from "../../support/engine.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

Deno.test("what waits for the bridge is tried when a container has started", async () => {
  let hurried = 0;
  const b = bench({ warm: 0, interceptors: [afterStart(() => hurried++)] });
  try {
    const client = b.connect();
    const ask = async (line: string) => {
      await say(client, `${line} HTTP/1.1\r\nHost: d\r\n\r\n`);
      const engine = await b.accept();
      await readUntil(engine, "\r\n\r\n");
      const before = hurried;
      await say(engine, "HTTP/1.1 204 No Content\r\n\r\n");
      await readUntil(client, "\r\n\r\n");
      return [before, hurried];
    };
    assertEquals(await ask("POST /containers/x/stop"), [0, 0]);
    assertEquals(await ask("POST /containers/x/start"), [0, 1]);
  } finally {
    await b.end();
  }
});
