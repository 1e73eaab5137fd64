/**
 * The operations side of one long-running command in one call: its operations server, if the user
 * wants one, and its private socket for `status`.
 */
import type { ServerTlsFiles } from "../listen/mutual_tls.ts";
import { logger } from "../log.ts";
import { type ListenAddress, parseListenAddress } from "../net/address.ts";
import { announce } from "./presence.ts";
import { type OpsServer, startOpsServer } from "./server.ts";
import type { OpsSource } from "./sources/source.ts";

/** How a command is to be watched. */
export interface OpsSettings {
  /** Addresses of the operations server, as `parseListenAddress` reads them; often none. */
  readonly listen: readonly string[];
  /** Where the user's commands announce themselves; absent if there is no such place. */
  readonly runtimeDirectory?: string;
  readonly allowRemoteClients?: boolean;
  readonly tls?: ServerTlsFiles;
}

/** Something that is to be closed at the end. */
export interface Ops {
  /** Where the status page is. */
  readonly urls: readonly string[];
  close(): Promise<void>;
}

/** Starts to answer; throws `AgentError` if an address cannot be listened on. */
export async function openOps(source: OpsSource, settings: OpsSettings): Promise<Ops> {
  const { listen, runtimeDirectory, allowRemoteClients = false, tls } = settings;
  const addresses: ListenAddress[] = listen.map((text) => parseListenAddress(text));
  const servers: OpsServer[] = [];
  if (addresses.length > 0) {
    servers.push(
      await startOpsServer(source, { addresses, allowRemoteClients, ...(tls && { tls }) }),
    );
  }
  if (runtimeDirectory !== undefined) {
    const server = await announce(runtimeDirectory, source);
    if (server !== undefined) servers.push(server);
  }
  const urls = servers.flatMap((server) => server.urls);
  for (const url of urls) logger("ops").info(`Status page, health and metrics on ${url}`);
  return {
    urls,
    close: async () => {
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}
