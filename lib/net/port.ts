/** Port numbers as text. Pure. */

/** The largest port number. */
export const MAX_PORT = 65_535;

/** The number that `text` writes in digits; `undefined` where it is none from `least` to 65535. */
export function parsePort(text: string, least = 0): number | undefined {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : NaN;
  return port >= least && port <= MAX_PORT ? port : undefined;
}
