/** `guest`: does on this machine what clients ask for, until a signal ends it. */
import { guestPlace, guestSettings } from "../../config/guest_settings.ts";
import type { Loaded } from "../../config/load.ts";
import { AgentError } from "../../errors.ts";
import { startGuest } from "../../guest/guest.ts";
import { logger } from "../../log.ts";
import { systemReason } from "../../net/system_reason.ts";
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
  return runService({
    scope: "guest",
    async start() {
      for (const path of loaded.values["copy-root"]) await requireDirectory(path);
      return await startGuest(settings);
    },
    announce({ addresses }) {
      for (const address of addresses) logger("guest").info(`Listening on ${address}`);
    },
    shutdownTimeoutMs: loaded.values["shutdown-timeout"],
  }, system);
}
