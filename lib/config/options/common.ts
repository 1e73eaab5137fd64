/** What rows of the option table have in common. */

/** The longest duration accepted: a day. Timers cannot count past 24.8 days. */
const MAX_DURATION_MS = 24 * 60 * 60 * 1000;
export const duration = {
  type: "duration",
  placeholder: "DURATION",
  max: MAX_DURATION_MS,
} as const;
export const path = { type: "path", placeholder: "FILE" } as const;
export const start = ["start"] as const;
/** What makes a connection to the remote host of its own. */
/** What signs in by SSH. */
export const ssh = ["start", "sync", "host-exec"] as const;
export const linked = ["start", "sync"] as const;
/** What listens for clients over TCP or TLS. */
export const served = ["start", "guest", "gateway"] as const;
export const server = ["relay-server"] as const;
export const relay = ["relay"] as const;
/** Both halves of the relay, whose flags were those of one program once. */
export const relays = ["relay-server", "relay"] as const;
export const running = ["start", "relay-server", "relay"] as const;
/** What has an operations server. */
export const watched = [...running, "guest", "gateway"] as const;
export const all = [
  "start",
  "sync",
  "tunnel",
  "relay-server",
  "relay",
  "keygen",
  "guest",
  "host-exec",
  "gateway",
] as const;
/** As {@link duration}; a plain number counts seconds, as it did for an earlier tool. */
export const seconds = { ...duration, seconds: true } as const;
