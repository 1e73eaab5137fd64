/** `gateway`: runs until a signal ends it; SIGHUP has it read its configuration again. */
import metadata from "../../../deno.json" with { type: "json" };
import type { Loaded } from "../../config/load.ts";
import { gatewayLoader } from "../../config/settings/gateway.ts";
import { opsSettings } from "../../config/settings/ops.ts";
import { type Gateway, startGateway } from "../../gateway/gateway.ts";
import { logger } from "../../log.ts";
import { GatewayMetrics } from "../../ops/metrics/gateway_metrics.ts";
import { openOps } from "../../ops/ops.ts";
import { gatewaySource } from "../../ops/sources/gateway.ts";
import type { System } from "../system.ts";
import { runService } from "./service.ts";

/** Returns the exit code; throws `AgentError`. */
export function runGateway(loaded: Loaded, system: System): Promise<number> {
  const load = gatewayLoader(loaded, system.place, system.readFile);
  const settings = opsSettings(loaded, system.place);
  const metrics = new GatewayMetrics();
  let gateway: Gateway | undefined;
  return runService({
    scope: "gateway",
    async start() {
      const own = gateway = await startGateway(load, metrics);
      try {
        const ops = await openOps(
          gatewaySource(own, { version: metadata.version, metrics }),
          settings,
        );
        return {
          async shutdown(timeoutMs: number) {
            await own.shutdown(timeoutMs);
            await ops.close();
          },
        };
      } catch (error) {
        await own.shutdown(0);
        throw error;
      }
    },
    announce() {
      if (gateway === undefined) return;
      logger("gateway").info(`Listening on ${gateway.address} for ${gateway.hosts.join(", ")}`);
    },
    onHangup: () => void gateway?.reload(),
    shutdownTimeoutMs: loaded.values["shutdown-timeout"],
  }, system);
}
