/** The part of the composition root that is about transports: from settings to a way of connecting. */
import type { Settings } from "../config/settings/settings.ts";
import { pingEngine } from "../docker/client.ts";
import { EngineClient } from "../docker/engine_client.ts";
import type { Interceptor } from "../docker/exchange.ts";
import { gatewayHost } from "../intercept/gateway_host.ts";
import { keepBackEmptyEnds } from "../intercept/half_close.ts";
import { AgentError } from "../errors.ts";
import { logger } from "../log.ts";
import { connectMtls } from "../transport/endpoint/mtls.ts";
import { sshConnector } from "../transport/ssh/connector.ts";
import type { Secrets } from "../transport/ssh/auth/secrets.ts";
import type { SshSettings } from "../transport/ssh/settings.ts";
import type { Supervisor } from "../transport/supervisor.ts";
import type { Connect } from "../transport/transport.ts";
import { connectTstunnel } from "../transport/endpoint/tstunnel.ts";
import { parseRemoteDocker } from "../transport/url.ts";
import { engineStream, engineStreams } from "./engine_streams.ts";
import { limitsOf } from "./reach.ts";

/** How the remote host of the settings is connected; `secrets` are those of the whole program. */
export function connectorOf(settings: Settings, secrets?: Secrets): Connect {
  const { mtls, tstunnel } = settings;
  if (mtls !== undefined) return (signal) => connectMtls(mtls, signal);
  if (tstunnel !== undefined) {
    const engine = parseRemoteDocker(settings.remoteDocker);
    return (signal) => connectTstunnel(tstunnel, { engine }, signal);
  }
  return sshConnector(sshSettingsOf(settings), settings.sshPassphrase(), secrets);
}

/** How the SSH host of the settings is reached. */
export function sshSettingsOf(settings: Settings): SshSettings {
  const { sshHost = "", sshUser, sshPort, sshConfig, sshStrictHostKeyChecking } = settings;
  return {
    host: sshHost,
    ...(sshUser === undefined ? {} : { user: sshUser }),
    ...(sshPort === undefined ? {} : { port: sshPort }),
    keyFiles: settings.sshKeys,
    ...(sshConfig === undefined ? {} : { configFile: sshConfig }),
    ...(settings.sshKnownHosts.length === 0 ? {} : { knownHostsFiles: settings.sshKnownHosts }),
    ...(sshStrictHostKeyChecking && { strictHostKeyChecking: sshStrictHostKeyChecking }),
    connectTimeoutMs: settings.timeoutMs,
    remoteDocker: parseRemoteDocker(settings.remoteDocker),
  };
}

/** Connects, and asks the engine whether it is there, before anybody is told that we are ready. */
export async function connect(
  supervisor: Supervisor,
  settings: Settings,
  signal: AbortSignal,
): Promise<void> {
  const giveUp = () => void supervisor.close();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    signal.throwIfAborted();
    const transport = await supervisor.start();
    const stream = engineStream(settings, await transport.open({ kind: "docker" }));
    if (settings.mode === "raw") return stream.close();
    await pingEngine(stream, { timeoutMs: settings.timeoutMs, where: transport.description });
  } catch (error) {
    if (signal.aborted) throw new AgentError("lost", "Starting was interrupted", { cause: error });
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** What the way to the remote host asks of every request; the innermost interceptors. */
export interface OnTheWay {
  readonly interceptors: readonly Interceptor[];
  close(): void;
}

/** The requests of clients on their way to a gateway; nothing where there is none. */
export function makeOnTheWay(settings: Settings, supervisor: Supervisor): OnTheWay {
  const { mtls, mode } = settings;
  if (mtls === undefined || mode === "raw") return { interceptors: [], close: () => {} };
  const keepsOutput = () => limitsOf(supervisor) === undefined;
  const engine = new EngineClient(engineStreams(settings, supervisor).open);
  const log = logger("gateway");
  return {
    interceptors: [
      keepBackEmptyEnds({ engine, keepsOutput, log }),
      gatewayHost(mtls.serverName),
    ],
    close: () => engine.close(),
  };
}
