import { ApiConnection } from "../../../scripts/bench/api_connection.ts";
import type { ByteStream } from "../../../scripts/bench/byte_stream.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";

/** A stream that answers with `text`, cut into pieces of `size` bytes, and keeps what it is told. */
function scripted(text: string, size: number) {
  const bytes = new TextEncoder().encode(text);
  let position = 0;
  let sent = "";
  const stream: ByteStream = {
    read(into) {
      const piece = bytes.subarray(position, position + Math.min(size, into.length));
      position += piece.length;
      into.set(piece);
      return Promise.resolve(piece.length === 0 ? null : piece.length);
    },
    write(piece) {
      sent += new TextDecoder().decode(piece);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
  return { connection: new ApiConnection(stream), sent: () => sent };
}

const SIZED = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
const CHUNKED =
  "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n" +
  "0\r\n\r\n";

Deno.test("responses are read the same, wherever the pieces are cut", async () => {
  for (let size = 1; size <= SIZED.length + CHUNKED.length; size++) {
    const { connection } = scripted(SIZED + CHUNKED + SIZED, size);
    assertEquals(await connection.request("GET", "/_ping"), { status: 200, body: "OK" });
    assertEquals(await connection.request("GET", "/x"), { status: 404, body: "abc0123456789" });
    assertEquals(await connection.request("GET", "/_ping"), { status: 200, body: "OK" });
  }
});

Deno.test("a request with a body tells its length in bytes", async () => {
  const { connection, sent } = scripted(SIZED, 100);
  await connection.request("POST", "/a", { name: "ü" });
  assertEquals(
    sent(),
    "POST /a HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n" +
      'Content-Length: 13\r\n\r\n{"name":"ü"}',
  );
});

Deno.test("after an upgrade the bytes that came with the head are not lost", async () => {
  const { connection } = scripted("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\n\r\nabcdef", 1000);
  await connection.upgrade("/exec/1/start", {});
  assertEquals(new TextDecoder().decode(await connection.readExactly(4)), "abcd");
  assertEquals(new TextDecoder().decode(await connection.readExactly(2)), "ef");
});

Deno.test("a refused upgrade and an early end are errors", async () => {
  await assertRejects(() => scripted(SIZED, 100).connection.upgrade("/a", {}), Error, "status 200");
  const cut = scripted(SIZED.slice(0, -1), 100).connection;
  await assertRejects(() => cut.request("GET", "/_ping"), Error, "closed");
});
