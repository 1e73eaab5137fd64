/**
 * What has been unlocked or typed in, kept for the life of the process so that a reconnect, or the
 * second connection to a host, asks nothing twice. Nothing here is ever logged or written down.
 */
// @ts-types="@types/ssh2"
import type { ParsedKey } from "ssh2";
import { type KeyFile, unlockKey } from "./key_file.ts";
import type { Prompt } from "./prompt.ts";

/** Where secrets come from. */
export interface SecretSources {
  /** Passphrase for key files, from `RDA_SSH_PASSPHRASE`. */
  passphrase?: string;
  /** Absent when nobody is there to ask. */
  prompt?: Prompt;
}

/** ssh(1) asks three times for a passphrase or password as well. */
export const MAX_TRIES = 3;

/** The secrets of one process. Shared by all connections; owned by the composition root. */
export class Secrets {
  readonly #sources: SecretSources;
  readonly #keys = new Map<string, ParsedKey>();
  readonly #passwords = new Map<string, string>();
  /** The questions for passphrases that are open, by key file. */
  readonly #asking = new Map<string, Promise<void>>();

  constructor(sources: SecretSources = {}) {
    this.#sources = sources;
  }

  /** Whether a question can be asked. */
  get canAsk(): boolean {
    return this.#sources.prompt !== undefined;
  }

  /** Whether there is any way to get a passphrase. */
  get canUnlock(): boolean {
    return this.canAsk || this.#sources.passphrase !== undefined;
  }

  /** Asks the person; `null` if nobody is there or the answer is declined. */
  ask(question: string, echo: boolean, signal: AbortSignal): Promise<string | null> {
    return this.#sources.prompt?.ask(question, { echo, signal }) ?? Promise.resolve(null);
  }

  /** The key in `file`, unlocked with what is at hand or by asking; `undefined` if that fails. */
  async unlock(file: KeyFile, ask: boolean, signal: AbortSignal): Promise<ParsedKey | undefined> {
    // Several hosts may want the same key at once; one question is enough.
    for (let open; (open = this.#asking.get(file.encrypted)) !== undefined;) await open;
    const known = file.key ?? this.#keys.get(file.encrypted);
    if (known !== undefined) return known;
    const key = this.#unlockWithEnv(file) ??
      (ask ? await this.#askOnce(file, signal) : undefined);
    if (key !== undefined) this.#keys.set(file.encrypted, key);
    return key;
  }

  /** Others who want the same key meanwhile wait for the answer, or ask when there was none. */
  async #askOnce(file: KeyFile, signal: AbortSignal): Promise<ParsedKey | undefined> {
    const asking = Promise.withResolvers<void>();
    this.#asking.set(file.encrypted, asking.promise);
    try {
      const key = await this.#unlockByAsking(file, signal);
      if (key !== undefined) this.#keys.set(file.encrypted, key);
      return key;
    } finally {
      this.#asking.delete(file.encrypted);
      asking.resolve();
    }
  }

  #unlockWithEnv(file: KeyFile): ParsedKey | undefined {
    const { passphrase } = this.#sources;
    return passphrase === undefined ? undefined : unlockKey(file, passphrase);
  }

  async #unlockByAsking(file: KeyFile, signal: AbortSignal): Promise<ParsedKey | undefined> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const again = tries === 0 ? "" : "Wrong passphrase. ";
      const question = `${again}Enter passphrase for key '${file.path}': `;
      const passphrase = await this.ask(question, false, signal);
      if (passphrase === null) return undefined;
      const key = unlockKey(file, passphrase);
      if (key !== undefined) return key;
    }
    return undefined;
  }

  /** A password that has worked for `account` (`user@host`) before. */
  password(account: string): string | undefined {
    return this.#passwords.get(account);
  }

  /** Keeps a password that has worked; `undefined` forgets it. */
  keepPassword(account: string, password: string | undefined): void {
    if (password === undefined) this.#passwords.delete(account);
    else this.#passwords.set(account, password);
  }
}
