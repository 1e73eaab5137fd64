/**
 * Notices a change of network before the keepalive does: a connection is lost when the address is gone
 * that it goes out from, as after a laptop has woken up somewhere else.
 */
import { knownAddress, localAddresses } from "../../net/local_addresses.ts";
import type { Connection } from "./connection.ts";

/** Between two looks. */
const LOOK_MS = 2_000;

/** `address`: of this machine. Looks as long as the connection lives. */
export function loseWithAddress(
  connection: Pick<Connection, "closed" | "lose">,
  address: string,
  { addresses = localAddresses, lookMs = LOOK_MS } = {},
): void {
  const own = knownAddress(address, addresses());
  if (own === undefined) return;
  const timer = setInterval(() => {
    if (!addresses().has(own)) connection.lose(`this machine no longer has the address ${own}`);
  }, lookMs);
  void connection.closed.then(() => clearInterval(timer));
}
