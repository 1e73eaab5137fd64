/**
 * The latency of one small API call: `/_ping`, which the agent may answer itself, and the list of
 * containers, which only the engine can give; on a connection that is kept, and on a new one each
 * time. (`/version` would not do: the engine itself takes 2 ms for it.)
 */
import { ApiConnection } from "../api_connection.ts";
import type { Peer } from "../peers/peer.ts";
import type { Measurement } from "./measurement.ts";
import { sampleTimes } from "./sampling.ts";

const LIMITS = { samples: 60, milliseconds: 700 };
const WARM_UP_CALLS = 3;

/** See the file comment. */
export const apiLatency: Measurement = {
  id: "api",
  rows: [
    { id: "ping-kept", title: "`/_ping`, kept alive", unit: "ms" },
    { id: "ping-fresh", title: "`/_ping`, fresh connection", unit: "ms" },
    { id: "list-kept", title: "`/containers/json`, kept alive", unit: "ms" },
    { id: "list-fresh", title: "`/containers/json`, fresh connection", unit: "ms" },
  ],
  rounds: { full: 3, quick: 1 },
  roundsOfDockerSsh: 1,
  async measure(peer, { signal }) {
    return {
      "ping-kept": await onKept(peer, "/_ping", signal),
      "ping-fresh": await onFresh(peer, "/_ping", signal),
      "list-kept": await onKept(peer, "/containers/json", signal),
      "list-fresh": await onFresh(peer, "/containers/json", signal),
    };
  },
};

async function onKept(peer: Peer, path: string, signal: AbortSignal): Promise<number[]> {
  const connection = new ApiConnection(await peer.dial());
  try {
    for (let i = 0; i < WARM_UP_CALLS; i++) await call(connection, path);
    return await sampleTimes(LIMITS, signal, () => call(connection, path));
  } finally {
    await connection.close();
  }
}

function onFresh(peer: Peer, path: string, signal: AbortSignal): Promise<number[]> {
  return sampleTimes(LIMITS, signal, async () => {
    const connection = new ApiConnection(await peer.dial());
    try {
      await call(connection, path);
    } finally {
      await connection.close();
    }
  });
}

async function call(connection: ApiConnection, path: string): Promise<void> {
  const { status } = await connection.request("GET", path);
  if (status !== 200) throw new Error(`Cannot call "${path}": status ${status}`);
}
