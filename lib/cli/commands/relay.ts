/** `relay-server`, `relay` and `keygen`: the commands of the relay. */
import type { Loaded } from "../../config/load.ts";
import { keygenSettings, relayServerSettings, relaySettings } from "../../config/relay_settings.ts";
import { logger } from "../../log.ts";
import { generateKeyFiles } from "../../relay/key_pair.ts";
import { startRelay } from "../../relay/relay.ts";
import { startRelayServer } from "../../relay/relay_server.ts";
import type { System } from "../system.ts";
import { runService } from "./service.ts";
import { renderExport } from "./start.ts";

/** Runs one of them to its end and returns the exit code; throws `AgentError`. */
export function runRelayCommand(
  command: "relay-server" | "relay" | "keygen",
  loaded: Loaded,
  system: System,
): Promise<number> {
  if (command === "keygen" || loaded.values["generate-key-pair"]) return runKeygen(loaded, system);
  return command === "relay" ? runRelay(loaded, system) : runRelayServer(loaded, system);
}

function runRelayServer(loaded: Loaded, system: System): Promise<number> {
  const settings = relayServerSettings(loaded, system.place, system.isFile);
  return runService({
    scope: "relay-server",
    start: () => startRelayServer(settings),
    announce: ({ address }) => {
      const sockets = settings.server.doors.sockets.join(", ");
      logger("relay-server").info(`Listening on ${address} for connections to ${sockets}`);
    },
    shutdownTimeoutMs: loaded.values["shutdown-timeout"],
  }, system);
}

function runRelay(loaded: Loaded, system: System): Promise<number> {
  const settings = relaySettings(loaded, system.place);
  return runService({
    scope: "relay",
    start: (signal) => startRelay(settings, signal),
    announce({ addresses }) {
      const { host, port } = settings.ssh;
      for (const address of addresses) {
        logger("relay").info(`Listening on ${address} for ssh://${host}:${port}`);
      }
      system.out(renderExport(addresses, system.place.platform));
    },
    shutdownTimeoutMs: loaded.values["shutdown-timeout"],
  }, system);
}

async function runKeygen(loaded: Loaded, system: System): Promise<number> {
  const { path, kind } = keygenSettings(loaded, system.place);
  const files = await generateKeyFiles(path, kind);
  system.out(
    [
      `Private key: ${files.privateFile}`,
      `Public key: ${files.publicFile}`,
      `May sign in: ${files.authorizedKeysFile}`,
    ].join("\n") + "\n",
  );
  return 0;
}
