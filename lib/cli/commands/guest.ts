/** `guest`: does on this machine what clients ask for, until a signal ends it. */
import metadata from "../../../deno.json" with { type: "json" };
import type { Loaded } from "../../config/load.ts";
import { guestPlace, guestSettings } from "../../config/settings/guest.ts";
import { opsSettings } from "../../config/settings/ops.ts";
import { AgentError } from "../../errors.ts";
import { type GuestOptions, startGuest } from "../../guest/guest.ts";
import { logger } from "../../log.ts";
import { Metrics } from "../../ops/metrics/metrics.ts";
import { openOps, type OpsSettings } from "../../ops/ops.ts";
import { guestSource } from "../../ops/sources/guest.ts";
import { systemReason } from "../../system/system_reason.ts";
import type { System } from "../system.ts";
import { runService } from "./service.ts";

/** One that is not there could hold no file that a client puts there. */
async function requireDirectory(path: string): Promise<void> {
  let why = "it is not a directory";
  try {
    if ((await Deno.stat(path)).isDirectory) return;
  } catch (cause) {
    why = systemReason(cause);
  }
  throw new AgentError("config", `Cannot use "${path}" for --copy-root: ${why}`, {
    hint: "name a directory that is there",
  });
}

/** Returns the exit code; throws `AgentError`. See {@link runService}. */
export function runGuest(loaded: Loaded, system: System): Promise<number> {
  if (system.place.platform === "windows") {
    throw new AgentError("config", "The guest does not run on Windows", {
      hint: "run it on the container host, which is Linux; inside WSL it works",
    });
  }
  const settings = guestSettings(loaded, guestPlace(system.place));
  const ops = opsSettings(loaded, system.place);
  return runService({
    scope: "guest",
    start: () => startWatched(settings, ops, loaded.values["copy-root"]),
    announce({ addresses }) {
      for (const address of addresses) logger("guest").info(`Listening on ${address}`);
    },
    shutdownTimeoutMs: loaded.values["shutdown-timeout"],
  }, system);
}

/** With its operations side, which lives on until nothing runs any more. */
async function startWatched(
  settings: GuestOptions,
  ops: OpsSettings,
  roots: readonly string[],
) {
  for (const path of roots) await requireDirectory(path);
  const metrics = new Metrics();
  const guest = await startGuest({ ...settings, observer: metrics });
  const { maxConnections } = settings.limits;
  const source = guestSource(guest, { version: metadata.version, metrics, maxConnections });
  try {
    const watching = await openOps(source, ops);
    return {
      addresses: guest.addresses,
      async shutdown(timeoutMs: number) {
        await guest.shutdown(timeoutMs);
        await watching.close();
      },
    };
  } catch (error) {
    await guest.shutdown(0);
    throw error;
  }
}
