/** A guest as the operations side sees it: it serves clients by itself, so that there are no hosts. */
import type { Guest } from "../../guest/guest.ts";
import type { Counts, OpsSource } from "./source.ts";

/** What is known of a guest beside itself. */
export interface GuestFacts {
  readonly version: string;
  readonly metrics: Counts;
  readonly maxConnections: number;
}

/** See the file comment. */
export function guestSource(guest: Guest, facts: GuestFacts): OpsSource {
  return {
    command: "guest",
    ...facts,
    listening: () => guest.addresses,
    hosts: () => [],
    notReady: () => guest.isEnding ? "The program is shutting down" : undefined,
  };
}
