/** What is open to whoever is on the way, and is said each time, so that nobody overlooks it. */
import type { Logger } from "../../log.ts";
import { isLoopback } from "../../net/address.ts";
import type { EndpointSettings } from "./dialer.ts";

/** Warns of a connection that is not encrypted, or to a server that is not verified. */
export function warnOfOpenness(
  { host, tls, insecure = false }: Pick<EndpointSettings, "host" | "tls" | "insecure">,
  log: Logger,
): void {
  if (tls === undefined ? isLoopback(host) : !insecure) return;
  const what = tls === undefined
    ? `the connection to "${host}" is not encrypted`
    : `the certificate of "${host}" is not verified`;
  const danger = "whoever is on the way can read and change everything";
  log.warn(`INSECURE: ${what}; ${danger}; for development only`);
}
