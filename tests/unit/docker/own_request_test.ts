import { ownRequest, withHost } from "../../../lib/docker/own_request.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { assertEquals } from "../../support/assert.ts";

const text = (bytes: Uint8Array | null) => bytes && new TextDecoder().decode(bytes);

Deno.test("our own questions carry the name a gateway expects, and nothing else changes", async () => {
  const [ours, theirs] = memoryPair();
  const stream = withHost(ours, "gpu.example");
  await stream.write(ownRequest("GET", "/events?filters=%7B%7D"));
  assertEquals(
    text(await theirs.read()),
    "GET /events?filters=%7B%7D HTTP/1.1\r\nHost: gpu.example\r\n\r\n",
  );
  await stream.write(new TextEncoder().encode("Host: docker\r\n\r\n"));
  assertEquals(text(await theirs.read()), "Host: docker\r\n\r\n");
  await theirs.write(new Uint8Array([1]));
  assertEquals(await stream.read(), new Uint8Array([1]));
  await stream.closeWrite();
  assertEquals(await theirs.read(), null);
  stream.close();
  await stream.closed;
});
