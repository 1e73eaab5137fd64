/** What is said of a certificate whose end is near. Pure. */

/** How long before its end a certificate is warned about. */
const EXPIRY_NOTICE_MS = 14 * 24 * 60 * 60 * 1_000;
const DAY_MS = 24 * 60 * 60 * 1_000;

/**
 * Such as `expires in 3 days, on Nov 23 09:03:58 2026 GMT`; nothing while there is time. `validTo` is as
 * the certificate writes it, `now` as `Date.now()`.
 */
export function expiryNotice(validTo: string, now: number): string | undefined {
  const left = Date.parse(validTo) - now;
  // NaN, for a date nobody understands, is no reason to warn.
  if (!(left < EXPIRY_NOTICE_MS)) return undefined;
  return `${left <= 0 ? "has expired" : `expires in ${describeDays(left)}`}, on ${validTo}`;
}

function describeDays(ms: number): string {
  const days = Math.floor(ms / DAY_MS);
  return days === 0 ? "less than a day" : days === 1 ? "1 day" : `${days} days`;
}
