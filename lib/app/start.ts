/**
 * The composition root: the only place that knows every room. It starts the remote hosts of a
 * configuration and what shows how they are, and closes them in the reverse order.
 */
import type { Configuration } from "../config/configuration.ts";
import type { Agent } from "./agent.ts";
import { ManyHosts } from "./many_hosts.ts";
import { startOne } from "./one_host.ts";

/**
 * Starts an agent: its addresses are taken by the time this settles, and a host that is not from a list
 * is connected and its engine answers. Throws `AgentError`, and then nothing is left behind; so does
 * an abort.
 */
export function startAgent(configuration: Configuration, signal: AbortSignal): Promise<Agent> {
  const [only] = configuration.hosts;
  if (configuration.isNamed || only === undefined) return ManyHosts.start(configuration, signal);
  return startOne(only, configuration.program, signal);
}
