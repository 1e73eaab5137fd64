/** A container that does not heed SIGTERM, for tests of what waits for its end. */
import type { DockerCli } from "./docker_cli.ts";
import { until } from "./poll.ts";

/**
 * Starts one and waits until it is deaf: what the engine has started is for a moment still a program of
 * the engine's own, which a signal ends. Whoever asks for it removes it.
 */
export async function deaf(docker: DockerCli): Promise<string> {
  const script = "trap '' TERM; echo deaf; while :; do sleep 1; done";
  const id = await docker.ok(["run", "-d", "--rm", "bb", "sh", "-c", script]);
  await until("it is deaf", async () => (await docker.ok(["logs", id])).includes("deaf"));
  return id;
}
