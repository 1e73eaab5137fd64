/** Many `docker ps` at once: how long until all are done, and how many fail. */
import { timeDocker } from "../docker_cli.ts";
import type { Measurement } from "./measurement.ts";

const PROCESSES = 100;

/** A failure is a result here, not the end of the measurement. */
export const parallelPs: Measurement = {
  id: "parallel-ps",
  rows: [
    { id: "parallel-ps", title: `${PROCESSES} parallel \`docker ps\``, unit: "ms" },
    { id: "parallel-failures", title: `failures of these ${PROCESSES}`, unit: "failures" },
  ],
  rounds: { full: 3, quick: 1 },
  roundsOfDockerSsh: 1,
  async measure(peer, { signal }) {
    const start = performance.now();
    const runs = await Promise.all(
      Array.from({ length: PROCESSES }, () => timeDocker(peer, ["ps"], signal)),
    );
    return {
      "parallel-ps": [performance.now() - start],
      "parallel-failures": [runs.filter((run) => run.failure !== undefined).length],
    };
  },
};
