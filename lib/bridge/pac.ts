/**
 * The proxy auto-configuration file for browsers, made from the rules: what they send through the
 * remote host, or refuse, goes to the proxy; what is `direct` does not. It asks no resolver: a range
 * of addresses is compared only with hosts that are written as addresses. Pure.
 */
import { formatIp, type Prefix } from "../net/ip.ts";
import { formatHostPort } from "../net/address.ts";
import type { BridgeRule } from "./rules.ts";
import type { Destination } from "./socks_wire.ts";

/** The media type that browsers expect. */
export const PAC_TYPE = "application/x-ns-proxy-autoconfig";

/** The file for a proxy that its client reaches at `proxy`. */
export function pacFile(rules: readonly BridgeRule[], proxy: Destination): string {
  const through = JSON.stringify(`PROXY ${formatHostPort(proxy.host, proxy.port)}`);
  const lines = rules.map((rule) => {
    const answer = rule.route === "direct" ? '"DIRECT"' : "proxy";
    return `  if (${conditionOf(rule)}) return ${answer};`;
  });
  return [
    "function FindProxyForURL(url, host) {",
    `  var proxy = ${through};`,
    '  var name = host.toLowerCase().replace(/\\.$/, "");',
    "  var isV4 = /^\\d+\\.\\d+\\.\\d+\\.\\d+$/.test(name);",
    '  var isV6 = name.indexOf(":") >= 0;',
    // Which range holds it is for the proxy to say.
    "  if (isV6) return proxy;",
    ...lines,
    "  return proxy;",
    "}",
    "",
  ].join("\n");
}

function conditionOf({ pattern, prefix }: BridgeRule): string {
  if (pattern === "*") return "true";
  if (prefix !== undefined) return prefixCondition(prefix);
  const text = JSON.stringify(pattern.startsWith(".") ? `*${pattern}` : pattern);
  const matches = `shExpMatch(name, ${text})`;
  if (!pattern.startsWith(".")) return `!isV4 && ${matches}`;
  return `!isV4 && (name == ${JSON.stringify(pattern.slice(1))} || ${matches})`;
}

function prefixCondition({ bytes, bits }: Prefix): string {
  if (bytes.length !== 4) return "false";
  const mask = Uint8Array.from(
    { length: 4 },
    (_, at) => 0xff << (8 - Math.min(8, Math.max(0, bits - at * 8))),
  );
  return `isV4 && isInNet(name, "${formatIp(bytes)}", "${formatIp(mask)}")`;
}
