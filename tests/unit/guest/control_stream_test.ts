/** How a listener's control stream ends for a client that is not ours. */
import { initAuthority, issueServer } from "../../../lib/certs/certs.ts";
import { assertEquals } from "../../support/assert.ts";
import { Child } from "../../support/child.ts";
import { withGuest } from "../../support/guest.ts";

Deno.test("over TLS, the end of a control stream is not that of a connection that was cut", async () => {
  const directory = await Deno.makeTempDir({ prefix: "rda-control-" });
  try {
    const options = { directory, force: false };
    const { certFile: ca } = await initAuthority(options);
    const identity = await issueServer(["localhost"], options);
    await withGuest({ identity }, async ({ guest, port }) => {
      const words = ["s_client", "-quiet", "-connect", `127.0.0.1:${port}`, "-CAfile", ca];
      await using client = new Child("openssl", [...words, "-servername", "localhost"]);
      await client.write(
        "POST /tinyscale/v1/listen/tcp:127.0.0.1:0 HTTP/1.1\r\nHost: localhost\r\n" +
          "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
      );
      await client.waitFor(/X-Listen-Address: 127\.0\.0\.1:\d+/);
      // Without time to end in, the connection may be cut first.
      await guest.shutdown(60_000);
      // OpenSSL: "unexpected eof while reading" and exit status 1 without a close_notify.
      assertEquals([await client.wait(), client.stderr.match(/unexpected eof/)], [0, null]);
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
