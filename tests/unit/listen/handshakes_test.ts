import { createServer } from "node:tls";
import { watchHandshakes } from "../../../lib/listen/handshakes.ts";
import { configureLogging, logger } from "../../../lib/log.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { until } from "../../support/poll.ts";

Deno.test("a client that is refused is logged by its address", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", format: "json", write: (line) => void lines.push(line) });
  const server = createServer();
  watchHandshakes(server, { max: 4, log: logger("listen") });
  try {
    const listening = Promise.withResolvers<void>();
    server.listen(0, "127.0.0.1", listening.resolve);
    await listening.promise;
    const address = server.address();
    assert(address !== null && typeof address === "object");
    using client = await Deno.connect({ hostname: "127.0.0.1", port: address.port });
    await client.write(new TextEncoder().encode("GET /_ping HTTP/1.1\r\n\r\n"));
    const line = await until("it is logged", () => lines.find((each) => each.includes("Refused")));
    assert(client.localAddr.transport === "tcp");
    assertEquals(JSON.parse(line).remote, `127.0.0.1:${client.localAddr.port}`);
  } finally {
    const closed = Promise.withResolvers<void>();
    server.close(() => closed.resolve());
    await closed.promise;
    configureLogging({ level: "error", format: "text", write: () => {} });
  }
});
