import { X509Certificate } from "node:crypto";
import { IdentityCache } from "../../../lib/gateway/identity.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { runOk } from "../../support/child.ts";

/** A certificate of this subject with these alternative names, signed by itself. */
async function certificate(subject: string, altNames?: string): Promise<X509Certificate> {
  const pem = await runOk("openssl", [
    ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"],
    ...["-keyout", "/dev/null", "-days", "2", "-subj", subject],
    ...(altNames === undefined ? [] : ["-addext", `subjectAltName=${altNames}`]),
  ]);
  return new X509Certificate(pem);
}

function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(":", "").toLowerCase();
}

const URI = "spiffe://example.net/orgs/acme/users/alice";

Deno.test("a client has the names of its certificate, and is called by the first there is", async () => {
  const identities = new IdentityCache();
  const labels: [subject: string, altNames: string | undefined, label: string | undefined][] = [
    ["/CN=alice", `URI:${URI},DNS:Laptop.Example`, "alice"],
    ["/O=acme", `DNS:Laptop.Example,URI:${URI}`, URI],
    ["/O=acme", "DNS:Laptop.Example", "laptop.example"],
    ["/O=acme", undefined, undefined],
    // Of two names, none is the client's.
    ["/CN=alice/CN=admin", undefined, undefined],
  ];
  for (const [subject, altNames, label] of labels) {
    const made = await certificate(subject, altNames);
    const identity = identities.of(made.raw);
    assertEquals(identity.label, label ?? fingerprintOf(made));
    assertEquals(identity.commonName, label === "alice" ? label : undefined);
    assertEquals(identity.dnsNames, altNames?.includes("DNS:") ? ["laptop.example"] : []);
    assertEquals(identity.uris, altNames?.includes("URI:") ? [URI] : []);
    assertEquals(identity.fingerprint, fingerprintOf(made));
    assertEquals(identity.notAfter, Date.parse(made.validTo));
    assertEquals(identity.certificate.raw, made.raw);
  }
});

Deno.test("a certificate is read once, and two of one name are two clients", async () => {
  const identities = new IdentityCache();
  const [one, other] = [await certificate("/CN=alice"), await certificate("/CN=alice")];
  const identity = identities.of(one.raw);
  assert(identities.of(Uint8Array.from(one.raw)) === identity);
  assert(identities.of(other.raw).fingerprint !== identity.fingerprint);
  assertThrows(() => identities.of(new Uint8Array([48, 3, 1, 2, 3])));
});

Deno.test("of many certificates the first is read again, the others are known", async () => {
  const identities = new IdentityCache();
  const { raw } = await certificate("/CN=alice");
  // Nobody looks at the signature here, whose last bytes make each one another certificate.
  const nth = (n: number) => {
    const der = Uint8Array.from(raw);
    der.set([n >> 8, n & 255], der.length - 2);
    return der;
  };
  const known = Array.from({ length: 1024 }, (_, n) => identities.of(nth(n)));
  assert(identities.of(nth(0)) === known[0]);
  identities.of(nth(1024));
  assert(identities.of(nth(1)) === known[1]);
  assert(identities.of(nth(0)) !== known[0]);
});
