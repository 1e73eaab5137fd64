/** `relay-server`, `relay` and `keygen`: the commands of the relay. */
import metadata from "../../../deno.json" with { type: "json" };
import type { Loaded } from "../../config/load.ts";
import { opsSettings } from "../../config/settings/ops.ts";
import { keygenSettings, relayServerSettings, relaySettings } from "../../config/settings/relay.ts";
import { logger } from "../../log.ts";
import { generateKeyFiles } from "../../relay/key_pair.ts";
import { startRelay } from "../../relay/relay.ts";
import { startRelayServer } from "../../relay/relay_server.ts";
import { openOps, type OpsSettings } from "../../ops/ops.ts";
import { type RelayFacts, relaySource } from "../../ops/sources/relay.ts";
import type { System } from "../system.ts";
import { runService, type Service } from "./service.ts";
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
  const ops = opsSettings(loaded, system.place);
  return runService({
    scope: "relay-server",
    start: async () => {
      const server = await startRelayServer(settings);
      const { maxConnections } = settings.server;
      const facts = { stats: server.stats, listening: [server.address], maxConnections };
      return await watched(server, { command: "relay-server", ...facts }, ops);
    },
    announce: ({ address, hostKey }) => {
      const sockets = settings.server.doors.sockets.join(", ");
      logger("relay-server").info(`Listening on ${address} for connections to ${sockets}`, {
        hostKey,
      });
    },
    shutdownTimeoutMs: loaded.values["shutdown-timeout"],
  }, system);
}

function runRelay(loaded: Loaded, system: System): Promise<number> {
  const settings = relaySettings(loaded, system.place);
  const ops = opsSettings(loaded, system.place);
  return runService({
    scope: "relay",
    start: async (signal) => {
      const relay = await startRelay(settings, signal);
      const { stats, addresses: listening, supervisor } = relay;
      const upstream = { supervisor, ...settings.ssh };
      const facts = { stats, listening, maxConnections: settings.maxConnections, upstream };
      return await watched(relay, { command: "relay", ...facts }, ops);
    },
    announce({ addresses }) {
      const { host, port } = settings.ssh;
      for (const address of addresses) {
        logger("relay").info(`Listening on ${address} for ssh://${host}:${port}`);
      }
      system.out(renderExport([{ addresses }], system.place.platform));
    },
    shutdownTimeoutMs: loaded.values["shutdown-timeout"],
  }, system);
}

/** The same, with its operations side. */
async function watched<S extends Service>(
  service: S,
  facts: Omit<RelayFacts, "version">,
  settings: OpsSettings,
): Promise<S> {
  try {
    const ops = await openOps(relaySource({ version: metadata.version, ...facts }), settings);
    return {
      ...service,
      async shutdown(timeoutMs) {
        await service.shutdown(timeoutMs);
        await ops.close();
      },
    };
  } catch (error) {
    await service.shutdown(0);
    throw error;
  }
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
