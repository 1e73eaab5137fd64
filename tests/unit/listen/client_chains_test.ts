import { X509Certificate } from "node:crypto";
import { issue, makeAuthority } from "../../../lib/certs/x509.ts";
import { authoritiesIn, ClientChains, isIssued } from "../../../lib/listen/client_chains.ts";
import { assert, assertEquals } from "../../support/assert.ts";

const FULL = { isSessionReused: () => false };
const RESUMED = { isSessionReused: () => true };

type Authority = Awaited<ReturnType<typeof makeAuthority>>;

async function clientOf(authority: Authority): Promise<X509Certificate> {
  const request = { commonName: "alice", days: 1, usage: "client", altNames: [] } as const;
  return new X509Certificate((await issue(authority, request)).cert);
}

Deno.test("a session from before is good as long as its authority is", async () => {
  const [ours, next] = [await makeAuthority("ours", 2), await makeAuthority("next", 2)];
  const { raw } = await clientOf(ours);
  const chains = new ClientChains(ours.cert);
  assert(chains.trusts(RESUMED, raw), "signed by the authority of now");
  assert(chains.replace(ours.cert + next.cert));
  assert(chains.trusts(RESUMED, raw), "of two authorities");
  assert(chains.replace(next.cert));
  assertEquals(chains.trusts(RESUMED, raw), false, "of an authority that was taken out");
  assertEquals(chains.trusts(RESUMED, raw), false, "asking again does not make it good");
  assert(chains.replace(ours.cert));
  assert(chains.trusts(RESUMED, raw));
});

Deno.test("what a full handshake has verified is remembered until the authorities change", async () => {
  const [root, between] = [await makeAuthority("root", 2), await makeAuthority("between", 2)];
  const { raw } = await clientOf(between);
  const chains = new ClientChains(root.cert);
  assertEquals(chains.trusts(RESUMED, raw), false, "not signed by the root itself");
  assert(chains.trusts(FULL, raw), "the runtime has verified it");
  assert(chains.trusts(RESUMED, raw));
  assertEquals(chains.replace(root.cert), false, "the same authorities");
  assert(chains.trusts(RESUMED, raw));
  assert(chains.replace(between.cert + root.cert));
  assert(chains.replace(root.cert));
  assertEquals(chains.trusts(RESUMED, raw), false);
});

Deno.test("a session outlives no certificate", async () => {
  const authority = await makeAuthority("ours", 2);
  const { raw, validFrom, validTo } = await clientOf(authority);
  const [from, to] = [Date.parse(validFrom), Date.parse(validTo)];
  let now = from;
  const chains = new ClientChains(authority.cert, () => now);
  for (now of [from, to]) assert(chains.trusts(RESUMED, raw), "up to its last moment");
  for (now of [from - 1, to + 1]) assertEquals(chains.trusts(RESUMED, raw), false, "and no longer");
  assert(chains.trusts(FULL, raw), "a full handshake is judged by the runtime");
  assertEquals(chains.trusts(RESUMED, raw), false);
});

Deno.test("an authority has issued what it has signed, whatever its name", async () => {
  const [ours, namesake] = [await makeAuthority("ours", 2), await makeAuthority("ours", 2)];
  const certificate = await clientOf(ours);
  assertEquals(isIssued(certificate, authoritiesIn(ours.cert)), true);
  assertEquals(isIssued(certificate, authoritiesIn(namesake.cert)), false);
  assertEquals(isIssued(certificate, authoritiesIn(namesake.cert + ours.cert)), true);
  assertEquals(isIssued(certificate, []), false);
});

Deno.test("of many certificates the one that was verified first is forgotten", async () => {
  const [root, between] = [await makeAuthority("root", 2), await makeAuthority("between", 2)];
  const { raw } = await clientOf(between);
  // What is remembered is not verified here: the signature's end makes each another certificate.
  const nth = (n: number) => {
    const der = Uint8Array.from(raw);
    der.set([n >> 8, n & 255], der.length - 2);
    return der;
  };
  const chains = new ClientChains(root.cert);
  for (let n = 0; n < 4096; n++) assert(chains.trusts(FULL, nth(n)));
  assert(chains.trusts(FULL, nth(1)), "again");
  assert(chains.trusts(RESUMED, nth(0)));
  assert(chains.trusts(FULL, nth(4096)));
  assertEquals([0, 1, 4096].map((n) => chains.trusts(RESUMED, nth(n))), [false, true, true]);
});
