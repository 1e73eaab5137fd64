/** `gateway`: runs until a signal ends it; SIGHUP has it read its configuration again. */
import { gatewayLoader } from "../../config/gateway_settings.ts";
import type { Loaded } from "../../config/load.ts";
import { type Gateway, startGateway } from "../../gateway/gateway.ts";
import { logger } from "../../log.ts";
import type { System } from "../system.ts";
import { runService } from "./service.ts";

/** Returns the exit code; throws `AgentError`. */
export function runGateway(loaded: Loaded, system: System): Promise<number> {
  const load = gatewayLoader(loaded, system.place, system.readFile);
  let gateway: Gateway | undefined;
  return runService({
    scope: "gateway",
    async start() {
      gateway = await startGateway(load);
      return gateway;
    },
    announce({ address, hosts }) {
      logger("gateway").info(`Listening on ${address} for ${hosts.join(", ")}`);
    },
    onHangup: () => void gateway?.reload(),
    shutdownTimeoutMs: loaded.values["shutdown-timeout"],
  }, system);
}
