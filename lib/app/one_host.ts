/** An agent with one remote host, which is not from a list: it cannot do without it. */
import type { HostSettings, ProgramSettings } from "../config/configuration.ts";
import { EventLog } from "../ops/event_log.ts";
import { Metrics } from "../ops/metrics/metrics.ts";
import { openOps } from "../ops/ops.ts";
import { type Agent, servedHost } from "./agent.ts";
import { Host } from "./host.ts";
import { watchIdle } from "./idle.ts";
import { sourceOf } from "./source.ts";

/** Starts it. Throws `AgentError`, and then nothing is left behind; so does an abort. */
export async function startOne(
  settings: HostSettings,
  program: ProgramSettings,
  signal: AbortSignal,
): Promise<Agent> {
  const record = { metrics: new Metrics(), events: new EventLog() };
  const host = new Host(settings, { ...record, isPatient: settings.onDemand });
  const hosts = () => [host];
  const ops = await openOps(sourceOf({ ...record, hosts }), program.ops);
  try {
    await host.start(signal);
  } catch (error) {
    await ops.close();
    throw error;
  }
  const idle = watchIdle(program, record.metrics, hosts);
  return {
    hosts: [servedHost(host)],
    failed: host.failed,
    finished: idle.finished,
    async shutdown(timeoutMs) {
      idle.stop();
      await host.shutdown(timeoutMs);
      await ops.close();
    },
  };
}
