/** What is in order, but hardly meant: told when a configuration is taken over. Pure. */
import { X509Certificate } from "node:crypto";
import { certificateNames } from "../certs/read.ts";
import type { GatewayConfig } from "./config.ts";
import { isAboutHost } from "./rights.ts";

/** One sentence for each oddity, no final period; `cert` is what clients are shown, as PEM text. */
export function adviceOn(
  { listen, hosts, rules, identity }: Pick<
    GatewayConfig,
    "listen" | "hosts" | "rules" | "identity"
  >,
  cert: string,
): string[] {
  const names = [...hosts.keys()];
  const advice: string[] = [];
  if (listen.hostImplied) {
    advice.push(
      `Other machines cannot connect: ":${listen.port}" is port ${listen.port} of this one alone, ` +
        `"0.0.0.0:${listen.port}" that of all its addresses`,
    );
  }
  const closed = names.filter((host) => !rules.some((rule) => isAboutHost(rule, host)));
  if (closed.length > 0) {
    advice.push(`No client may use ${closed.join(", ")}: no rule of "clients" is about it`);
  }
  const covered = namesIn(cert);
  const foreign = names.filter((host) => !covered.some((name) => covers(name, host)));
  if (foreign.length > 0) {
    advice.push(
      `Clients of ${foreign.join(", ")} will refuse the certificate "${identity.certFile}", ` +
        `which is for ${covered.join(", ") || "no name"}`,
    );
  }
  return advice;
}

function namesIn(cert: string): readonly string[] {
  const { commonName, dnsNames } = certificateNames(new X509Certificate(cert).raw);
  // Without other names it is the one (RFC 6125, section 6.4.4).
  return dnsNames.length === 0 && commonName !== undefined ? [commonName] : dnsNames;
}

/** A wildcard stands for the first label and nothing else (RFC 6125, section 6.4.3). */
function covers(name: string, host: string): boolean {
  const pattern = name.toLowerCase();
  return pattern === host ||
    (pattern.startsWith("*.") && pattern.slice(1) === host.replace(/^[^.]+/, ""));
}
