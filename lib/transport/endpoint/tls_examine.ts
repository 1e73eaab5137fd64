/**
 * What is wrong with a server's certificate, where the runtime only says that it was not verified: found
 * by a second handshake in which nothing is verified, our certificate is not shown and nothing is sent.
 * The connection that was wanted has failed by then, so nothing is decided by it. Owns its connection.
 */
import { isIP } from "node:net";
import { connect } from "node:tls";
import { errorCode } from "../../errors.ts";
import { type CertificateFlaw, flawOf } from "../../net/tls/certificate_flaw.ts";
import type { TlsEndpoint } from "./tls_error.ts";

/** The codes of Node behind which the cause may be another one; see `net/tls/certificate_flaw.ts`. */
const UNVERIFIED = /^(UNABLE_TO_(GET|VERIFY)|CERT_UNTRUSTED|INVALID_CA)/;
const TIMEOUT_MS = 3_000;

/** The flaw, if `error` leaves one open and the server shows its certificate again. Never rejects. */
export async function serverFlaw(
  endpoint: TlsEndpoint,
  error: unknown,
  signal: AbortSignal | undefined,
): Promise<CertificateFlaw | undefined> {
  if (!UNVERIFIED.test(errorCode(error)) || signal?.aborted) return undefined;
  const certificate = await shownCertificate(endpoint, signal);
  try {
    return certificate && flawOf(certificate, "server", Date.now());
  } catch {
    // Not a certificate that can be read: nothing more is known than before.
    return undefined;
  }
}

/** In DER; nothing where it does not come in time or the server wants to see ours first. */
async function shownCertificate(
  { host, port, serverName }: TlsEndpoint,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  const { promise, resolve } = Promise.withResolvers<Uint8Array | undefined>();
  const socket = connect({
    host,
    port,
    rejectUnauthorized: false,
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
  });
  const giveUp = () => resolve(undefined);
  const timer = setTimeout(giveUp, TIMEOUT_MS);
  signal?.addEventListener("abort", giveUp);
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate()?.raw));
  // Stays: an error that nobody listens for would end the process.
  socket.on("error", giveUp);
  socket.once("close", giveUp);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", giveUp);
    socket.destroy();
  }
}
