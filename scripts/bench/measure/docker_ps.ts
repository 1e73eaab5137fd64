/** `docker ps`: what a user waits for, process start included. */
import { mustDocker } from "../docker_cli.ts";
import type { Measurement } from "./measurement.ts";

/** One run a round, so that the peers alternate as closely as they can. */
export const dockerPs: Measurement = {
  id: "docker-ps",
  rows: [{ id: "docker-ps", title: "`docker ps`", unit: "ms" }],
  rounds: { full: 25, quick: 9 },
  async measure(peer, { signal }) {
    return { "docker-ps": [await mustDocker(peer, ["ps"], signal)] };
  },
};
