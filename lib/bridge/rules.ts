/**
 * Which way the bridge takes to a destination, as ordered data: the first rule that matches decides,
 * and where none does it goes through the remote host. A rule is asked about the destination as the
 * client named it: a name is never resolved here to see whether a range of addresses holds it. Pure.
 */
import { AgentError } from "../errors.ts";
import { ipBytes, isInPrefix, parsePrefix, type Prefix } from "../net/ip.ts";

/** `through` the remote host, `direct`ly from this machine, or not at all. */
const ROUTES = ["through", "direct", "refuse"] as const;
export type Route = typeof ROUTES[number];

/** One rule. */
export interface BridgeRule {
  /** As it was written: `10.0.0.0/8`, `*.corp.example`, or `*` for everything. */
  readonly pattern: string;
  /** Present if the pattern is an address or a range of them. */
  readonly prefix?: Prefix;
  readonly route: Route;
}

const NAME_PATTERN = /^(\*|\.?[a-z0-9*_]([a-z0-9*._-]*[a-z0-9*_])?)$/;
const HINT = "write PATTERN=through, direct or refuse, such as 10.0.0.0/8=through or *=direct";

/** Reads `PATTERN=ROUTE`; throws `AgentError` of kind `config`. */
export function parseBridgeRule(text: string): BridgeRule {
  const at = text.lastIndexOf("=");
  const [pattern, word] = [text.slice(0, Math.max(0, at)).toLowerCase(), text.slice(at + 1)];
  const route = ROUTES.find((each) => each === word);
  const fail = (why: string) =>
    new AgentError("config", `Cannot read the rule ${JSON.stringify(text)}: ${why}`, {
      hint: HINT,
    });
  if (at <= 0 || route === undefined) throw fail(`"${word}" has no meaning`);
  const prefix = parsePrefix(pattern);
  if (prefix !== undefined) return { pattern, prefix, route };
  const name = canonicalName(pattern);
  if (!NAME_PATTERN.test(name) || /(^|\.)\d+$/.test(name)) {
    throw fail(`"${pattern}" is neither a name nor an address`);
  }
  return { pattern: name, route };
}

/** The route to `host`: an address (without brackets) or a name. */
export function routeTo(rules: readonly BridgeRule[], host: string): Route {
  const address = ipBytes(host);
  const name = canonicalName(host);
  const found = rules.find(({ pattern, prefix }) => {
    if (pattern === "*") return true;
    if (prefix !== undefined) return address !== undefined && isInPrefix(address, prefix);
    return address === undefined && nameMatches(pattern, name);
  });
  return found?.route ?? "through";
}

/** Lower case and without the dot of the root: names are compared so (RFC 4343). */
export function canonicalName(name: string): string {
  return name.toLowerCase().replace(/(?<=.)\.$/, "");
}

/** `.example.com` is the domain and all below it; `*` is any text, dots included. */
function nameMatches(pattern: string, name: string): boolean {
  if (pattern.startsWith(".") && name === pattern.slice(1)) return true;
  const source = (pattern.startsWith(".") ? `*${pattern}` : pattern)
    .replaceAll(/[.-]/g, "\\$&")
    .replaceAll(/\*+/g, ".*");
  return new RegExp(`^${source}$`).test(name);
}
