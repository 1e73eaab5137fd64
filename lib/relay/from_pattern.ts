/**
 * The `from=` option of `authorized_keys`: a list of addresses a key may come from, with wildcards,
 * CIDR blocks and negation (sshd(8) and PATTERNS in ssh_config(5)). Names of hosts never match: as
 * with sshd's `UseDNS no`, a client is known by its address alone. Pure.
 */
import { BlockList, isIP } from "node:net";

/** Reads a `from=` list; throws a plain `Error` that names the pattern that makes no sense. */
export function parseFrom(list: string): readonly string[] {
  const patterns = list.split(",").map((one) => one.trim());
  for (const pattern of patterns) {
    const bare = bareOf(pattern);
    if (bare === "") throw new Error("an empty pattern");
    if (bare.includes("/") && blockOf(bare) === undefined) throw new Error(`bad block "${bare}"`);
  }
  return patterns;
}

/** Whether `address` is on the list: some pattern fits, and no negated one does. */
export function isFrom(patterns: readonly string[], address: string): boolean {
  const plain = address.toLowerCase().replace(/^::ffff:(?=\d+\.)/, "").replace(/%.*$/, "");
  const fits = (pattern: string) => matches(bareOf(pattern), plain);
  if (patterns.some((pattern) => pattern.startsWith("!") && fits(pattern))) return false;
  return patterns.some((pattern) => !pattern.startsWith("!") && fits(pattern));
}

function bareOf(pattern: string): string {
  return (pattern.startsWith("!") ? pattern.slice(1) : pattern).toLowerCase();
}

function matches(pattern: string, address: string): boolean {
  if (pattern.includes("/")) {
    return blockOf(pattern)?.check(address, isIP(address) === 6 ? "ipv6" : "ipv4") ?? false;
  }
  const source = pattern.replaceAll(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`).test(address);
}

function blockOf(pattern: string): BlockList | undefined {
  const [network = "", length = ""] = pattern.split("/");
  const family = isIP(network);
  if (family === 0 || !/^\d{1,3}$/.test(length)) return undefined;
  if (Number(length) > (family === 6 ? 128 : 32)) return undefined;
  const block = new BlockList();
  block.addSubnet(network, Number(length), family === 6 ? "ipv6" : "ipv4");
  return block;
}
