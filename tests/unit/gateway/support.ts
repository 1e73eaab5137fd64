/** Clients of a gateway as data. */
import type { ClientIdentity } from "../../../lib/gateway/identity.ts";

type Told = Omit<ClientIdentity, "certificate" | "label">;

/** A client that has these names and no other; its certificate itself plays no part. */
export function clientWith(names: Partial<Told>): ClientIdentity {
  const notAfter = Number.POSITIVE_INFINITY;
  const nothing = { commonName: undefined, dnsNames: [], uris: [], fingerprint: "", notAfter };
  return { ...nothing, label: "", ...names } as Omit<
    ClientIdentity,
    "certificate"
  > as ClientIdentity;
}
