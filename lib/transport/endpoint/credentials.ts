/**
 * The certificate, key and authorities of a client, as files that may change while it runs: they are
 * looked at again before a connection is dialed, and a new pair that cannot be used leaves the old one
 * in force. Says in the log when a certificate is about to expire. Holds nothing open.
 */
import type { SecureContext } from "node:tls";
import { X509Certificate } from "node:crypto";
import { AgentError, describeError } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { flawOf } from "../../net/tls/certificate_flaw.ts";
import { expiryNotice } from "../../net/tls/expiry.ts";
import { type Identity, readAuthorities, readIdentity } from "../../net/tls/files.ts";
import { stampOf } from "../../system/file_stamp.ts";
import { tlsContext } from "./tls_dial.ts";

/** Paths of PEM files. */
export interface CredentialFiles {
  /** With {@link keyFile} only. */
  readonly certFile?: string;
  readonly keyFile?: string;
  /** The authorities to trust instead of the public ones. */
  readonly caFile?: string;
}

/** What {@link Credentials} needs beside the files; both have defaults but `log`. */
export interface CredentialsOptions {
  readonly log: Logger;
  /** Whose authorities they are, for errors, such as `gateway`. */
  readonly peer: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** Between two looks at the files. */
const LOOK_EVERY_MS = 1_000;
/** Between two warnings about the same certificate. */
const REMIND_EVERY_MS = 24 * 60 * 60 * 1_000;

/** See the file comment. */
export class Credentials {
  readonly #files: CredentialFiles;
  readonly #options: Required<CredentialsOptions>;
  readonly #reminded = new Map<string, number>();
  #context!: SecureContext;
  #validTo: string | undefined;
  #stamp = "";
  #lookedAt = -Infinity;
  #looking: Promise<void> | undefined;

  private constructor(files: CredentialFiles, options: CredentialsOptions) {
    this.#files = files;
    this.#options = { now: Date.now, ...options };
  }

  /** Reads the files. Throws `AgentError` of kind `config` as `readIdentity` does. */
  static async open(files: CredentialFiles, options: CredentialsOptions): Promise<Credentials> {
    const credentials = new Credentials(files, options);
    credentials.#stamp = await credentials.#stampOf();
    await credentials.#read();
    credentials.#lookedAt = credentials.#options.now();
    credentials.#remindOfOwn();
    return credentials;
  }

  /** For the next connection. Never rejects: files that cannot be used now change nothing. */
  async context(): Promise<SecureContext> {
    if (this.#options.now() - this.#lookedAt >= LOOK_EVERY_MS) {
      this.#looking ??= this.#look().finally(() => this.#looking = undefined);
      await this.#looking;
    }
    return this.#context;
  }

  /** To be told until when the peer's certificate is valid, as the certificate writes it. */
  noteServer(validTo: string): void {
    this.#remind(`The ${this.#options.peer}'s certificate`, validTo);
  }

  async #look(): Promise<void> {
    const stamp = await this.#stampOf();
    this.#lookedAt = this.#options.now();
    if (stamp !== this.#stamp) {
      this.#stamp = stamp;
      await this.#readAgain();
    }
    this.#remindOfOwn();
  }

  async #readAgain(): Promise<void> {
    const { log } = this.#options;
    try {
      await this.#read();
      log.info("Certificate files have changed; new connections use the new ones");
    } catch (error) {
      log.warn(`Certificate files have changed and cannot be used: ${describeError(error)}`, {
        using: "those from before",
      });
    }
  }

  async #read(): Promise<void> {
    const { certFile, keyFile, caFile } = this.#files;
    const identity: Identity | undefined = certFile === undefined || keyFile === undefined
      ? undefined
      : await readIdentity({ certFile, keyFile }, "client");
    const authorities = caFile === undefined
      ? undefined
      : await readAuthorities(caFile, this.#options.peer);
    this.#context = tlsContext(identity, authorities);
    const own = identity && new X509Certificate(identity.cert);
    this.#validTo = own?.validTo;
    if (own === undefined) return;
    const flaw = flawOf(own.raw, "client", this.#options.now());
    if (flaw.kind === "version-1") this.#warnOfVersion();
    if (flaw.kind === "other-use") this.#warnOfUse();
  }

  #warnOfUse(): void {
    this.#options.log.warn(
      `The client certificate "${this.#files.certFile}" is not for clients, so that most servers let ` +
        'nobody in with it; use one with clientAuth in its extendedKeyUsage, or make one with "certs client"',
    );
  }

  #warnOfVersion(): void {
    this.#options.log.warn(
      `The client certificate "${this.#files.certFile}" is of X.509 version 1, with which guests and ` +
        'gateways of this program let nobody in; sign it with "openssl x509 -req -extfile FILE", where ' +
        'FILE has "basicConstraints=CA:FALSE", or make one with "certs client"',
    );
  }

  #stampOf(): Promise<string> {
    const { certFile, keyFile, caFile } = this.#files;
    const paths = [certFile, keyFile, caFile].filter((path) => path !== undefined);
    return stampOf(paths);
  }

  #remindOfOwn(): void {
    const { certFile } = this.#files;
    if (this.#validTo !== undefined) {
      this.#remind(`The client certificate "${certFile}"`, this.#validTo);
    }
  }

  #remind(what: string, validTo: string): void {
    const { log, now } = this.#options;
    const notice = expiryNotice(validTo, now());
    if (notice === undefined) return;
    if (now() - (this.#reminded.get(what) ?? -Infinity) < REMIND_EVERY_MS) return;
    this.#reminded.set(what, now());
    log.warn(`${what} ${notice}`);
  }
}

/** Throws `AgentError` of kind `usage` unless there are both or neither. */
export function requirePair(
  { certFile, keyFile }: CredentialFiles,
  names: { cert: string; key: string },
): void {
  if ((certFile === undefined) === (keyFile === undefined)) return;
  const [given, missing] = certFile === undefined
    ? [names.key, names.cert]
    : [names.cert, names.key];
  throw new AgentError("usage", `Missing ${missing}, which ${given} needs`, {
    hint: "a certificate and its key go together",
  });
}
