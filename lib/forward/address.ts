/**
 * On which local address a published port listens. Closed by default: only the publish address, or
 * an address of this machine which the request names, is ever listened on; a request for all
 * interfaces is met only when the publish address itself is one of all interfaces.
 */
import { isLoopback } from "../net/address.ts";

/** What the policy depends on. */
export interface AddressPolicy {
  /** Where ports arrive that name no address of this machine. */
  readonly publishAddress: string;
  /** Whether this machine has the address. */
  readonly isLocal: (address: string) => boolean;
}

/** The address to listen on. */
export interface LocalAddress {
  readonly host: string;
  /** An address to listen on as well, for clients that take `localhost` for IPv6 first. */
  readonly twin?: string;
  /** Set when it is not the one that was asked for: a sentence for the user, no final period. */
  readonly note?: string;
}

/** Ports arrive here unless the user says otherwise. */
export const DEFAULT_PUBLISH_ADDRESS = "127.0.0.1";
const TWIN = "::1";

/** Decides for one `HostIp`; anything that is not an IP address counts as none, as in dockerd. */
export function localAddress(hostIp: string, policy: AddressPolicy): LocalAddress {
  const { publishAddress, isLocal } = policy;
  const wanted = hostIp.replace(/^\[(.*)\]$/, "$1");
  if (!isIp(wanted)) return unnamed(policy);
  if (isWildcard(wanted)) return wildcard(wanted, publishAddress);
  if (isLocal(wanted)) return { host: wanted };
  return {
    host: publishAddress,
    note: `"${wanted}" is not an address of this machine: the port is published on ` +
      `"${publishAddress}" instead`,
  };
}

/** As Docker, which then listens for IPv4 and for IPv6. */
function unnamed({ publishAddress, isLocal }: AddressPolicy): LocalAddress {
  const host = publishAddress;
  return host === DEFAULT_PUBLISH_ADDRESS && isLocal(TWIN) ? { host, twin: TWIN } : { host };
}

/** Whether an address stands for all interfaces. */
export function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || /^(0{0,4}:){1,7}0{0,4}$/.test(address);
}

function wildcard(wanted: string, publishAddress: string): LocalAddress {
  if (isWildcard(publishAddress)) return { host: wanted };
  // An IPv6 request stays one, so that it does not collide with its IPv4 twin.
  const host = wanted.includes(":") && publishAddress === DEFAULT_PUBLISH_ADDRESS
    ? TWIN
    : publishAddress;
  return {
    host,
    note: `"${wanted}" would open the port to the network: it is published on "${host}" only ` +
      `(see --publish-address)`,
  };
}

function isIp(text: string): boolean {
  if (/^\d{1,3}(\.\d{1,3}){3}$/.test(text)) return text.split(".").every((n) => Number(n) < 256);
  return text.includes(":") && URL.canParse(`http://[${text}]`);
}

/** Whether one of this machine's interfaces has `address` now. */
export function isAddressOfThisMachine(address: string): boolean {
  // Linux answers on all of 127.0.0.0/8, other systems on what their interfaces list.
  if (Deno.build.os === "linux" && !address.includes(":") && isLoopback(address)) return true;
  const canonical = canonicalIp(address);
  return Deno.networkInterfaces().some((nic) => canonicalIp(nic.address) === canonical);
}

function canonicalIp(address: string): string {
  return address.includes(":")
    ? URL.parse(`http://[${address}]`)?.hostname.slice(1, -1) ?? address
    : address;
}
