import { X509Certificate } from "node:crypto";
import { isVersion1 } from "../../../../lib/net/tls/x509_version.ts";
import { assertEquals } from "../../../support/assert.ts";
import { Certificates } from "../../../support/certificates.ts";

Deno.test("a certificate says which version it is of by a tag that version 1 does not have", async () => {
  const directory = await Deno.makeTempDir({ prefix: "x509-" });
  try {
    const certificates = new Certificates(directory);
    const authority = await certificates.authority("ca");
    const { raw } = new X509Certificate(await Deno.readTextFile(authority.certFile));
    assertEquals(isVersion1(raw), false);
    assertEquals(isVersion1(withoutVersion(raw)), true);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});

/** The same without the version; both outer sequences have lengths of two bytes. */
function withoutVersion(der: Uint8Array): Uint8Array {
  assertEquals([der[1], der[5]], [0x82, 0x82]);
  const inner = ((der[6] ?? 0) << 8 | (der[7] ?? 0)) - 5;
  return new Uint8Array([...der.slice(0, 6), inner >> 8, inner & 0xff, ...der.slice(13)]);
}

Deno.test("what is no certificate is of no version", () => {
  for (const bytes of [[], [0x30], [0x30, 0x82], [0x02, 0x01, 0x00], [0x30, 0x02, 0x02, 0x00]]) {
    assertEquals(isVersion1(new Uint8Array(bytes)), false, `${bytes}`);
  }
});
