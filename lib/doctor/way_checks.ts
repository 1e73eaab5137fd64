/** Checks of the way to the remote host: keys, names, network, sign-in. */
import { isIP } from "node:net";
import { lookup } from "node:dns/promises";
import { connectorOf } from "../app/transport.ts";
import { AgentError, describeError } from "../errors.ts";
import { formatHostPort } from "../net/address.ts";
import { readAuthorities, readIdentity } from "../net/tls/files.ts";
import { agentKeys } from "../transport/ssh/auth/agent.ts";
import { loadSshConfig } from "../transport/ssh/config/file.ts";
import { readKeyFile } from "../transport/ssh/auth/key_file.ts";
import { localEnv } from "../transport/ssh/config/local_env.ts";
import { resolveSsh } from "../transport/ssh/config/resolve.ts";
import type { ResolvedSsh } from "../transport/ssh/settings.ts";
import { sshSettingsOf } from "../app/transport.ts";
import { type Check, failed, failure, type Finding, passed, skipped, warned } from "./check.ts";
import type { Patient } from "./patient.ts";

/** In order. */
export const WAY_CHECKS: readonly Check<Patient>[] = [
  { name: "ssh-config", run: sshConfig },
  { name: "keys", needs: ["ssh-config"], run: keys },
  { name: "dns", needs: ["ssh-config"], run: dns },
  { name: "tcp", needs: ["dns"], run: tcp },
  { name: "host-key", needs: ["tcp"], run: hostKey },
  { name: "authentication", needs: ["host-key"], run: authentication },
];

async function sshConfig(patient: Patient): Promise<Finding> {
  const { settings } = patient;
  if (settings.transport !== "ssh") return passed(`Not needed for ${settings.transport}`);
  const env = localEnv();
  const wanted = sshSettingsOf(settings);
  const { host, notes } = resolveSsh(wanted, await loadSshConfig(wanted.configFile, env), env);
  patient.ssh = host;
  const way = [...host.jumps, host].map(({ user, hostName, port }) =>
    `${user}@${formatHostPort(hostName, port)}`
  ).join(", then ");
  if (notes.length > 0) return warned(`${notes.join("; ")}`, "see the ssh_config that is named");
  return passed(way);
}

function keys({ settings, ssh }: Patient): Promise<Finding> {
  return ssh === undefined ? certificates(settings) : sshKeys(ssh);
}

async function sshKeys(ssh: ResolvedSsh): Promise<Finding> {
  const good: string[] = [];
  const encrypted: string[] = [];
  for (const { path, explicit } of ssh.identityFiles) {
    if (!explicit && !await isThere(path)) continue;
    try {
      const { key, publicBlob } = await readKeyFile(path);
      (key === undefined && publicBlob !== undefined ? encrypted : good).push(path);
    } catch (error) {
      return failure(error);
    }
  }
  const held = await keysOfAgents(ssh.identityAgents);
  if (typeof held === "string") {
    if (good.length > 0) return passed(good.join(", "));
    return warned(held, "start ssh-agent and run ssh-add, or unset SSH_AUTH_SOCK");
  }
  if (good.length + encrypted.length + held === 0) {
    return failed("There is no key to sign in with", "authentication", "name one with --ssh-key");
  }
  if (good.length + held === 0) {
    return warned(
      `"${encrypted[0]}" is encrypted and no agent holds it`,
      "run ssh-add, or set RDA_SSH_PASSPHRASE; on a terminal the passphrase is asked for",
    );
  }
  const files = [...good, ...encrypted].join(", ");
  return passed([files, held > 0 ? `${held} in the agent` : ""].filter(Boolean).join("; "));
}

async function isThere(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    // OpenSSH passes over default keys that it cannot see.
    return false;
  }
}

/** How many keys the agents hold, or why one cannot be asked. */
async function keysOfAgents(sockets: readonly string[]): Promise<number | string> {
  let count = 0;
  for (const socket of sockets) {
    try {
      count += (await agentKeys(socket)).length;
    } catch (error) {
      return `The SSH agent at "${socket}" does not answer: ${describeError(error)}`;
    }
  }
  return count;
}

async function certificates({ mtls, tstunnel }: Patient["settings"]): Promise<Finding> {
  const { certFile, keyFile, caFile } = mtls ?? tstunnel?.tls ?? {};
  if (certFile === undefined || keyFile === undefined) return skipped("No client certificate");
  await readIdentity({ certFile, keyFile }, "client");
  if (caFile !== undefined) await readAuthorities(caFile, "gateway");
  return passed(`${certFile}, ${keyFile}`);
}

async function dns({ endpoint }: Patient): Promise<Finding> {
  const host = endpoint?.host ?? "";
  if (isIP(host) !== 0) return passed(`${host} is an address`);
  try {
    const found = await lookup(host, { all: true });
    return passed(`${host} is ${found.map(({ address }) => address).join(", ")}`);
  } catch {
    return failed(
      `The name "${host}" cannot be resolved`,
      "unreachable",
      "check the name, the network and any VPN; getent hosts NAME asks as we do",
    );
  }
}

async function tcp({ endpoint, settings }: Patient, signal: AbortSignal): Promise<Finding> {
  const { host = "", port = 0 } = endpoint ?? {};
  const where = formatHostPort(host, port);
  const patience = AbortSignal.any([signal, AbortSignal.timeout(settings.timeoutMs)]);
  try {
    const connection = await Deno.connect({ hostname: host, port, signal: patience });
    connection.close();
    return passed(`${where} takes connections`);
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) {
      return failed(
        `${where} refuses connections`,
        "unreachable",
        "check the port, and that the server runs there",
      );
    }
    return failed(
      `${where} does not answer`,
      "unreachable",
      "check that the machine is up, and firewalls and VPNs on the way",
    );
  }
}

/** Connects; whether that went wrong for another reason than the host key is the next check's. */
async function hostKey(patient: Patient, signal: AbortSignal): Promise<Finding> {
  const { settings } = patient;
  try {
    // Nothing is to be changed by looking: an unknown key is told, not taken.
    const strict = settings.sshStrictHostKeyChecking ?? "yes";
    patient.transport = await connectorOf({ ...settings, sshStrictHostKeyChecking: strict })(
      signal,
    );
  } catch (error) {
    patient.connectError = error;
    const isHostKey = error instanceof AgentError && error.kind === "host-key";
    return isHostKey ? failure(error) : passed("Known, or not asked for");
  }
  return passed(settings.transport === "ssh" ? "Known and unchanged" : "The certificate is good");
}

function authentication({ connectError, transport }: Patient): Promise<Finding> {
  if (connectError !== undefined) return Promise.resolve(failure(connectError));
  return Promise.resolve(passed(`Signed in to ${transport?.description ?? "the remote host"}`));
}
