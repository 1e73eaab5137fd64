/** The time before each line of logs, where it was asked for. Pure. */

/** See {@link stampOf}. */
export interface Stamp {
  /** Nanoseconds since the epoch. */
  readonly at: bigint;
  /** Nanoseconds that it stands for: 1, or more where it has fewer decimals. */
  readonly span: bigint;
  /** Bytes it takes, with the space after it. */
  readonly length: number;
}

/** Longer than any stamp, in bytes. */
export const MAX_STAMP = 40;
/**
 * RFC 3339 and a space, with nine decimals (moby, `WriteLogStream`) or none (Podman,
 * pkg/api/handlers/compat/containers_logs.go).
 */
const STAMP = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) /;
const DECIMALS = 9;
const decoder = new TextDecoder("latin1");

/** The time at the beginning of a message, if there is one. */
export function stampOf(message: Uint8Array): Stamp | undefined {
  const match = STAMP.exec(decoder.decode(message.subarray(0, MAX_STAMP)));
  if (match === null) return undefined;
  const [{ length }, seconds = "", decimals = "", zone = ""] = match;
  const nanos = BigInt(decimals.padEnd(DECIMALS, "0"));
  const span = 10n ** BigInt(DECIMALS - decimals.length);
  return { at: BigInt(Date.parse(`${seconds}${zone}`)) * 1_000_000n + nanos, span, length };
}
