/** What went through a forwarding, for `forwards` and the metrics. */
import type { Duplex } from "../net/duplex.ts";

/** Sums since the forwarding was made. */
export interface Counters {
  /** Connections (UDP: clients) now. */
  open: number;
  total: number;
  /** Bytes from local clients to the remote end. */
  sent: number;
  /** Bytes from the remote end to local clients. */
  received: number;
}

/** All zero. */
export function newCounters(): Counters {
  return { open: 0, total: 0, sent: 0, received: 0 };
}

/** Two as one. A copy: it does not change. */
export function sumOf(a: Counters, b: Counters | undefined): Counters {
  if (b === undefined) return { ...a };
  return {
    open: a.open + b.open,
    total: a.total + b.total,
    sent: a.sent + b.sent,
    received: a.received + b.received,
  };
}

/** `upstream` with its bytes counted. Owns it in the place of the caller. */
export function counted(upstream: Duplex, counters: Counters): Duplex {
  return {
    closed: upstream.closed,
    async read() {
      const chunk = await upstream.read();
      if (chunk !== null) counters.received += chunk.length;
      return chunk;
    },
    async write(chunk) {
      const { length } = chunk;
      await upstream.write(chunk);
      counters.sent += length;
    },
    closeWrite: () => upstream.closeWrite(),
    close: () => upstream.close(),
  };
}
