/**
 * Which keys to offer a host and in which order: explicit key files, then the agent's keys, then
 * the other key files, each key once. All of them stand behind one ssh2 agent, so that a passphrase
 * is asked for only when the host has said that it would take the key.
 */
import type { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ParsedKey } from "ssh2";
import { AgentError, messageOf } from "../../../errors.ts";
import type { Logger } from "../../../log.ts";
import { keyTypeOf } from "../host_key/known_hosts.ts";
import type { IdentityFile, ResolvedSsh } from "../settings.ts";
import { utils } from "../ssh2.ts";
import { agentKeys, signWithAgent } from "./agent.ts";
import { type KeyFile, readKeyFile } from "./key_file.ts";
import type { Secrets } from "./secrets.ts";
import { signWith } from "./sign.ts";

/** One key that can be offered. */
export interface Identity {
  /** The public key. */
  key: ParsedKey;
  /** For messages: `key /home/me/.ssh/id_ed25519`, or `agent`. */
  label: string;
  /** Signs with the private key. Rejects with an `AgentError` if it cannot be had. */
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>;
}

/** What is needed to collect and unlock keys. */
export interface IdentityContext {
  host: ResolvedSsh;
  secrets: Secrets;
  signal: AbortSignal;
  log: Logger;
}

/** A bound on what an agent may make us try; servers give up after six attempts by default. */
const MAX_IDENTITIES = 64;

/**
 * The keys to offer. Throws `AgentError` of kind `authentication` if an explicit key is unusable;
 * any other unusable key, or an agent that does not answer, is passed over.
 */
export async function collectIdentities(context: IdentityContext): Promise<Identity[]> {
  const { host } = context;
  const files = await readKeyFiles(context);
  const agent = await agentIdentities(context);
  const explicit = files.filter(({ wanted }) => wanted.explicit);
  const other = files.filter(({ wanted }) => !wanted.explicit);
  const isListed = (identity: Identity) =>
    files.some(({ file }) => file.publicBlob?.equals(identity.key.getPublicSSH()));
  const usable = host.identitiesOnly ? agent.filter(isListed) : [
    ...agent.filter(isListed),
    ...agent.filter((identity) => !isListed(identity)),
  ];
  const offered = new Map<string, Identity>();
  const offer = (identity: Identity) => {
    const id = identity.key.getPublicSSH().toString("base64");
    if (!offered.has(id) && offered.size < MAX_IDENTITIES) offered.set(id, identity);
  };
  for (const { file } of explicit) offer(await explicitIdentity(file, usable, context));
  usable.forEach(offer);
  for (const { file } of other) {
    const identity = await fileIdentity(file, context);
    if (identity !== undefined) offer(identity);
  }
  return [...offered.values()];
}

interface ReadFile {
  wanted: IdentityFile;
  file: KeyFile;
}

async function readKeyFiles({ host, log }: IdentityContext): Promise<ReadFile[]> {
  const files: ReadFile[] = [];
  for (const wanted of host.identityFiles) {
    try {
      files.push({ wanted, file: await readKeyFile(wanted.path) });
    } catch (error) {
      if (wanted.explicit) throw error;
      log.debug("Passing over a key file", { path: wanted.path, error: messageOf(error) });
    }
  }
  return files;
}

/** An agent that holds the key saves asking for its passphrase. */
async function explicitIdentity(
  file: KeyFile,
  agent: readonly Identity[],
  context: IdentityContext,
): Promise<Identity> {
  const held = agent.find(({ key }) => file.publicBlob?.equals(key.getPublicSSH()));
  if (file.key === undefined && held !== undefined) return held;
  if (file.key === undefined && file.encrypted === "") {
    throw new AgentError(
      "authentication",
      `Cannot use SSH key "${file.path}": it is a public key`,
      {
        hint: "name the private key file, or load the private key into ssh-agent",
      },
    );
  }
  const identity = context.secrets.canUnlock || file.key !== undefined
    ? await fileIdentity(file, context)
    : undefined;
  if (identity === undefined) throw locked(file, context);
  return identity;
}

async function fileIdentity(
  file: KeyFile,
  context: IdentityContext,
): Promise<Identity | undefined> {
  if (file.key === undefined && file.encrypted === "") return undefined;
  const key = file.publicBlob === undefined
    ? await unlock(file, context)
    : parsePublic(file.publicBlob);
  if (key === undefined) return undefined;
  return {
    key,
    label: `key ${file.path}`,
    async sign(data, hash) {
      const unlocked = await unlock(file, context);
      if (unlocked === undefined) throw locked(file, context);
      return signWith(unlocked, data, hash);
    },
  };
}

function unlock(file: KeyFile, { host, secrets, signal }: IdentityContext) {
  return secrets.unlock(file, host.prompts, signal);
}

function locked(file: KeyFile, { secrets }: IdentityContext): AgentError {
  const why = secrets.canUnlock ? "wrong passphrase" : "it is encrypted and there is no passphrase";
  return new AgentError("authentication", `Cannot use SSH key "${file.path}": ${why}`, {
    hint: "set RDA_SSH_PASSPHRASE, load the key into ssh-agent, or start on a terminal",
  });
}

/** ssh2 takes a public key as the text of a `.pub` file. */
function parsePublic(blob: Buffer): ParsedKey | undefined {
  const parsed = utils.parseKey(`${keyTypeOf(blob)} ${blob.toString("base64")}`);
  return parsed instanceof Error ? undefined : parsed;
}

async function agentIdentities({ host, log }: IdentityContext): Promise<Identity[]> {
  const identities: Identity[] = [];
  for (const socket of host.identityAgents) {
    try {
      const keys = await agentKeys(socket);
      identities.push(...keys.map((key): Identity => ({
        key,
        label: "agent",
        sign: (data, hash) => signWithAgent(socket, key, data, hash),
      })));
    } catch (error) {
      // Like ssh(1): an agent that is not there leaves the key files.
      log.debug("No answer from the SSH agent", { agent: socket, error: messageOf(error) });
    }
  }
  return identities;
}
