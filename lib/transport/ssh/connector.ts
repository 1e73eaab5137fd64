/**
 * Makes SSH transports for the supervisor: reads `ssh_config` anew for each attempt, so that an
 * edit takes effect at the next reconnect, and keeps what was unlocked or typed in across them.
 */
import { logger } from "../../log.ts";
import type { Connect } from "../transport.ts";
import { terminalPrompt } from "./auth/prompt.ts";
import { Secrets } from "./auth/secrets.ts";
import { connectSsh } from "./client.ts";
import { loadSshConfig } from "./config/file.ts";
import { localEnv } from "./config/local_env.ts";
import { resolveSsh } from "./config/resolve.ts";
import type { SshSettings } from "./settings.ts";

/**
 * The secrets of whoever is at the terminal, if anybody is, for all hosts of one program: there is one
 * terminal. `passphrase` unlocks encrypted key files without asking.
 */
export function terminalSecrets(passphrase: string | undefined): Secrets {
  const prompt = terminalPrompt();
  return new Secrets({
    ...(passphrase === undefined ? {} : { passphrase }),
    ...(prompt === undefined ? {} : { prompt }),
  });
}

/** A `Connect` for one host; hosts of one program share their `secrets`. */
export function sshConnector(
  settings: SshSettings,
  passphrase: string | undefined,
  secrets: Secrets = terminalSecrets(passphrase),
): Connect {
  const log = logger("ssh");
  const env = localEnv();
  const told = new Set<string>();
  return async (signal) => {
    const config = await loadSshConfig(settings.configFile, env);
    const { host, notes } = resolveSsh(settings, config, env);
    for (const note of notes) {
      if (!told.has(note)) log.warn(note);
      told.add(note);
    }
    return await connectSsh(host, { secrets, log }, signal);
  };
}
