/** The version of a certificate, which the runtime does not tell. Pure. */

/** DER tags: a sequence, and the explicit tag [0] that is there from version 2 on. */
const SEQUENCE = 0x30;
const VERSION = 0xa0;

/**
 * Whether a certificate in DER is of X.509 version 1 (RFC 5280, section 4.1.2.1), which is what
 * `openssl x509 -req` before 3.2 makes without `-extfile`. The TLS of the runtime lets nobody in with
 * one, and does not check that who shows it has its key.
 */
export function isVersion1(der: Uint8Array): boolean {
  const inner = contentOf(der, 0);
  const fields = inner === undefined ? undefined : contentOf(der, inner);
  return fields !== undefined && der[fields] !== VERSION;
}

/** Where the content of the sequence at `at` begins; nothing if there is none. */
function contentOf(der: Uint8Array, at: number): number | undefined {
  if (der[at] !== SEQUENCE) return undefined;
  const length = der[at + 1] ?? 0;
  const more = length < 0x80 ? 0 : length & 0x7f;
  const begin = at + 2 + more;
  return begin < der.length ? begin : undefined;
}
