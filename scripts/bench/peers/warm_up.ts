/**
 * Gives a new process the state it is in after some use: code compiled, connections opened. An agent
 * runs for days; what its very first calls take would be a measurement of its own.
 */
import { ApiConnection } from "../api_connection.ts";
import type { Peer } from "./peer.ts";

const KEPT_CALLS = 4000;
const FRESH_CALLS = 300;

/** Makes some thousand API calls, which takes a second or two where the link has no delay. */
export async function warmUp(peer: Peer, signal: AbortSignal): Promise<void> {
  for (let calls = KEPT_CALLS, i = 0; i < FRESH_CALLS; i++, calls = 1) {
    signal.throwIfAborted();
    const connection = new ApiConnection(await peer.dial());
    try {
      for (let call = 0; call < calls; call++) await connection.request("GET", "/containers/json");
    } finally {
      await connection.close();
    }
  }
}
