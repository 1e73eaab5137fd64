/**
 * A small certificate authority in a directory: `ca.pem` and `ca-key.pem`, and for each server and
 * client `NAME.pem` and `NAME-key.pem`. Keys are created with mode 0600; no file is ever replaced
 * unless that is asked for.
 */
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import { writeAtomically } from "../system/atomic_file.ts";
import { systemReason } from "../system/system_reason.ts";
import { exists } from "../system/exists.ts";
import { type Identity, readIdentity } from "../net/tls/files.ts";
import { clientName, fileStem, isDnsName, type Person, serverName, spiffeId } from "./names.ts";
import { type AltName, type CertificateRequest, issue, makeAuthority } from "./x509.ts";

/** Days that certificates are valid for, unless asked otherwise. */
export const LIFETIMES = {
  /** Ten years: whoever trusts an authority has to be given the next one by hand. */
  authority: 3650,
  /** What browsers and macOS take at most for a server. */
  server: 397,
  /** A key that is lost is of use for one season. */
  client: 90,
} as const;

const AUTHORITY = "ca";

/** Where files go and whether they may replace others. */
export interface CertsOptions {
  readonly directory: string;
  readonly force: boolean;
  /** Default: {@link LIFETIMES}. */
  readonly days?: number;
}

/** What was made. */
export interface CertsResult {
  readonly certFile: string;
  readonly keyFile: string;
  /** The last moment at which it is good. */
  readonly validTo: Date;
  /** It was to be good for longer, but no certificate outlives its authority. */
  readonly isCut: boolean;
}

type Files = Pick<CertsResult, "certFile" | "keyFile">;

/** `certs init`. Throws `AgentError` of kind `config`, as all of these do. */
export async function initAuthority(options: CertsOptions): Promise<CertsResult> {
  await makeDirectory(options.directory);
  const files = filesOf(options.directory, AUTHORITY);
  await checkAbsent(files, options.force);
  const name = `remote-docker-agent CA ${new Date().toISOString().slice(0, 10)}`;
  return await keep(
    files,
    await makeAuthority(name, options.days ?? LIFETIMES.authority),
    options,
  );
}

async function makeDirectory(path: string): Promise<void> {
  try {
    await Deno.mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new AgentError("config", `Cannot make the directory "${path}": ${systemReason(cause)}`, {
      cause,
      hint: "name another one with --dir",
    });
  }
}

/** `certs server NAME…`: one certificate for all the names, called after the first. */
export async function issueServer(
  names: readonly [string, ...string[]],
  options: CertsOptions,
): Promise<CertsResult> {
  const [first, ...others] = names;
  const altNames = [serverName(first), ...others.map(serverName)];
  const days = options.days ?? LIFETIMES.server;
  const commonName = serverName(first).value;
  return await issueTo({ commonName, days, usage: "server", altNames }, options);
}

/** `certs client NAME`; a `person` adds a SPIFFE ID. */
export async function issueClient(
  name: string,
  options: CertsOptions & { readonly person?: Person },
): Promise<CertsResult> {
  const commonName = clientName(name);
  const { person } = options;
  const altNames: AltName[] = isDnsName(commonName.toLowerCase())
    ? [{ type: "dns", value: commonName.toLowerCase() }]
    : [];
  if (person !== undefined) altNames.push({ type: "url", value: spiffeId(person) });
  const days = options.days ?? LIFETIMES.client;
  return await issueTo({ commonName, days, usage: "client", altNames }, options);
}

async function issueTo(request: CertificateRequest, options: CertsOptions): Promise<CertsResult> {
  const stem = fileStem(request.commonName);
  if (stem === AUTHORITY) {
    throw new AgentError("usage", `Cannot call a certificate "${AUTHORITY}"`, {
      hint: "that is the name of the authority's own files",
    });
  }
  const files = filesOf(options.directory, stem);
  await checkAbsent(files, options.force);
  const authority = await readAuthority(options.directory);
  try {
    return await keep(files, await issue(authority, request), { ...options, authority });
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    const { certFile } = filesOf(options.directory, AUTHORITY);
    throw new AgentError("config", `Cannot sign with "${certFile}": ${systemReason(cause)}`, {
      cause,
      hint: "make an authority with certs init, in another directory",
    });
  }
}

async function readAuthority(directory: string): Promise<Identity> {
  const files = filesOf(directory, AUTHORITY);
  if (await exists(files.certFile, cannotWrite)) return await readIdentity(files, "authority's");
  throw new AgentError("config", `There is no authority in "${directory}"`, {
    hint: "make one with certs init, or name its directory with --dir",
  });
}

function filesOf(directory: string, stem: string): Files {
  return {
    certFile: join(directory, `${stem}.pem`),
    keyFile: join(directory, `${stem}-key.pem`),
  };
}

async function checkAbsent({ certFile, keyFile }: Files, force: boolean): Promise<void> {
  for (const path of force ? [] : [keyFile, certFile]) {
    if (await exists(path, cannotWrite)) throw present(path);
  }
}

async function keep(
  files: Files,
  { cert, key }: Identity,
  { force, authority }: CertsOptions & { readonly authority?: Identity },
): Promise<CertsResult> {
  await write(files.keyFile, key, 0o600, force);
  await write(files.certFile, cert, 0o644, force);
  const { validTo } = new X509Certificate(cert);
  const isCut = authority !== undefined && new X509Certificate(authority.cert).validTo === validTo;
  return { ...files, validTo: new Date(validTo), isCut };
}

/** A file that is replaced is replaced whole: a program that reads it never sees half of one. */
async function write(path: string, text: string, mode: number, force: boolean): Promise<void> {
  try {
    if (force) writeAtomically(path, text, mode);
    else await writeNew(path, text, mode);
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw present(path);
    throw cannotWrite(path, error);
  }
}

async function writeNew(path: string, text: string, mode: number): Promise<void> {
  using file = await Deno.open(path, { write: true, createNew: true, mode });
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  await file.sync();
}

function present(path: string): AgentError {
  return new AgentError("config", `Will not replace "${path}"`, {
    hint: "choose another --dir, or give --force if nobody needs the old one",
  });
}

function cannotWrite(path: string, cause: unknown): AgentError {
  return new AgentError("config", `Cannot write "${path}": ${systemReason(cause)}`, {
    cause,
    hint: "check the directory and its permissions",
  });
}
