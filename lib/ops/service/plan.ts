/**
 * What installing the program as a service means on a platform: one file and a few commands of the
 * system's own. Pure: nothing is written or run here, so that `--dry-run` shows exactly what would be.
 */
import { AgentError } from "../../errors.ts";
import { launchdPlan } from "./launchd.ts";
import type { ServicePlace, ServicePlan, ServiceSpec } from "./spec.ts";
import { systemdPlan } from "./systemd.ts";
import { windowsPlan } from "./windows.ts";

/** The plan for a platform. Throws `AgentError` where there is no such thing as a service. */
export function planService(spec: ServiceSpec, place: ServicePlace): ServicePlan {
  checkServiceName(spec.name);
  switch (place.platform) {
    case "linux":
      return systemdPlan(spec, place);
    case "darwin":
      return launchdPlan(spec, place);
    case "windows":
      return windowsPlan(spec, place);
    default:
      throw new AgentError("usage", `Cannot install a service on ${place.platform}`, {
        hint: "start the program by the means of the system",
      });
  }
}

/** The name becomes part of file names and of command lines. Throws `AgentError` of kind `usage`. */
function checkServiceName(name: string): void {
  if (/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(name)) return;
  throw new AgentError("usage", `Cannot call a service "${name}"`, {
    hint: "use letters, digits, and . _ - between them",
  });
}
