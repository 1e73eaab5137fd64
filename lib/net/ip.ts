/** IP addresses as bytes and as text, and prefixes of them. Pure. */

/** A range of addresses: those whose first `bits` are those of `bytes`. */
export interface Prefix {
  /** 4 or 16 of them. */
  readonly bytes: Uint8Array;
  readonly bits: number;
}

/**
 * The 4 or 16 bytes of an address, with or without brackets; `undefined` for anything else. An IPv4
 * address that is mapped into IPv6 (RFC 4291, section 2.5.5.2) is taken for what it stands for.
 */
export function ipBytes(text: string): Uint8Array | undefined {
  return ipv4Bytes(text) ?? ipv6Bytes(text.replace(/^\[(.*)\]$/, "$1"));
}

/** The text of 4 or 16 bytes; IPv6 in its shortest form (RFC 5952). */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = Array.from(
    { length: 8 },
    (_, n) => (((bytes[2 * n] ?? 0) << 8) | (bytes[2 * n + 1] ?? 0)).toString(16),
  );
  return URL.parse(`http://[${groups.join(":")}]`)?.hostname.slice(1, -1) ?? groups.join(":");
}

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; `undefined` for anything else. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = "", length, ...rest] = text.split("/");
  const bytes = ipBytes(address);
  if (bytes === undefined || rest.length > 0) return undefined;
  const all = bytes.length * 8;
  const bits = length === undefined ? all : /^\d{1,3}$/.test(length) ? Number(length) : NaN;
  return bits <= all ? { bytes, bits } : undefined;
}

/** Whether an address, as {@link ipBytes} reads it, is in the range. */
export function isInPrefix(address: Uint8Array, { bytes, bits }: Prefix): boolean {
  if (address.length !== bytes.length) return false;
  for (let at = 0; at * 8 < bits; at++) {
    const mask = 0xff << Math.max(0, 8 - (bits - at * 8));
    if ((((address[at] ?? 0) ^ (bytes[at] ?? 0)) & mask & 0xff) !== 0) return false;
  }
  return true;
}

function ipv4Bytes(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  const valid = parts.length === 4 &&
    parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  return valid ? Uint8Array.from(parts, Number) : undefined;
}

function ipv6Bytes(text: string): Uint8Array | undefined {
  if (!/^[0-9a-f:.]+$/i.test(text) || !text.includes(":")) return undefined;
  const short = URL.parse(`http://[${text}]`)?.hostname.slice(1, -1);
  if (short === undefined) return undefined;
  const [head = "", tail] = short.split("::");
  const groups = (part: string) => part === "" ? [] : part.split(":");
  const [first, last] = [groups(head), groups(tail ?? "")];
  const zeros = new Array<string>(8 - first.length - last.length).fill("0");
  const bytes = [...first, ...zeros, ...last].flatMap((group) => {
    const value = parseInt(group, 16);
    return [value >> 8, value & 255];
  });
  return Uint8Array.from(isMapped(bytes) ? bytes.slice(12) : bytes);
}

function isMapped(bytes: readonly number[]): boolean {
  return bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
}
