/**
 * The addresses that this machine has now. A connection goes out from one of them; when that one is
 * gone, after a change of network, nothing will ever come over the connection, and nobody will say so.
 */

/** IPv4 and IPv6 addresses of all interfaces, without zones. */
export function localAddresses(): ReadonlySet<string> {
  return new Set(Deno.networkInterfaces().map(({ address }) => plain(address)));
}

/**
 * The address that a connection goes out from as {@link localAddresses} has it; nothing where it is
 * not there even now, so that its absence would prove nothing.
 */
export function knownAddress(
  address: string,
  addresses: ReadonlySet<string> = localAddresses(),
): string | undefined {
  const own = plain(address);
  return addresses.has(own) ? own : undefined;
}

/** Sockets and interfaces differ in how they write zones and IPv4 in IPv6. */
function plain(address: string): string {
  return (address.split("%", 1)[0] ?? "").replace(/^::ffff:(?=[\d.]+$)/i, "");
}
