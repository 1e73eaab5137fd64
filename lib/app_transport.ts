/** The part of the composition root that is about transports: from settings to a way of connecting. */
import type { Settings } from "./config/settings.ts";
import { connectMtls } from "./transport/mtls.ts";
import { sshConnector } from "./transport/ssh/connector.ts";
import type { SshSettings } from "./transport/ssh/settings.ts";
import type { Connect } from "./transport/transport.ts";
import { parseRemoteDocker } from "./transport/url.ts";

/** How the remote host of the settings is connected. */
export function connectorOf(settings: Settings): Connect {
  const { mtls } = settings;
  if (mtls !== undefined) return (signal) => connectMtls(mtls, signal);
  return sshConnector(sshSettingsOf(settings), settings.sshPassphrase());
}

function sshSettingsOf(settings: Settings): SshSettings {
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
