/** What rows of the option table have in common. */

/** The longest duration accepted: a day. Timers cannot count past 24.8 days. */
const MAX_DURATION_MS = 24 * 60 * 60 * 1000;

/** A value such as `10s` or `1m30s`. */
export const duration = {
  type: "duration",
  placeholder: "DURATION",
  max: MAX_DURATION_MS,
} as const;
/** As {@link duration}; a plain number counts seconds, as it did for an earlier tool. */
export const seconds = { ...duration, seconds: true } as const;
/** The name of a file. */
export const path = { type: "path", placeholder: "FILE" } as const;

/** The agent alone. */
export const start = ["start"] as const;
/** What makes a connection to the remote host of its own. */
export const linked = ["start", "sync"] as const;
/** What signs in by SSH. */
export const ssh = [...linked, "host-exec"] as const;
/** What listens for clients over TCP or TLS. */
export const served = ["start", "guest", "gateway"] as const;
/** The relay's half beside the engine. */
export const server = ["relay-server"] as const;
/** The relay's half beside the docker CLI. */
export const relay = ["relay"] as const;
/** Both halves of the relay, whose flags were those of one program once. */
export const relays = [...server, ...relay] as const;
/** What runs until it is ended and is shown by `status`. */
export const running = [...start, ...relays] as const;
/** What has an operations server. */
export const watched = [...running, "guest", "gateway"] as const;
/** Every command that reads settings and has a log. */
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
