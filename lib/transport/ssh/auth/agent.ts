/**
 * ssh2's agent interface from both sides: a client of the user's agent (a Unix socket, the pipe of
 * OpenSSH for Windows, Pageant), and our own keys dressed up as an agent for ssh2 to authenticate
 * with. As an agent is asked to sign only what the host has agreed to, that is what makes
 * passphrases lazy.
 */
import type { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { IdentityCallback, ParsedKey, SignCallback, SigningRequestOptions } from "ssh2";
import { BaseAgent, createAgent, utils } from "../ssh2.ts";

const LIST_TIMEOUT_MS = 5_000;

/** A key that can sign, wherever its private half is. */
export interface Signer {
  key: ParsedKey;
  sign(data: Buffer, hash: string | undefined): Promise<Buffer>;
}

/** The keys of the agent at `socket` that ssh2 can use. Rejects if the agent does not answer. */
export async function agentKeys(socket: string): Promise<ParsedKey[]> {
  const { promise, resolve, reject } = Promise.withResolvers<ParsedKey[]>();
  const timer = setTimeout(() => reject(new Error("timed out")), LIST_TIMEOUT_MS);
  createAgent(socket).getIdentities((error, keys) => {
    if (error) return reject(error);
    resolve((keys ?? []).flatMap((listed) => {
      const key = utils.parseKey(bareKey(listed));
      return key instanceof Error ? [] : [key];
    }));
  });
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}

type RawKey = ParsedKey | Buffer | string;
type ListedKey = RawKey | { pubKey: ListedKey };

/** An agent may list its keys bare or with a comment. */
function bareKey(listed: ListedKey): RawKey {
  return typeof listed === "object" && "pubKey" in listed ? bareKey(listed.pubKey) : listed;
}

/**
 * Lets the agent at `socket` sign. No time limit: it may be waiting for a touch or a confirmation.
 * Rejects if the agent refuses.
 */
export function signWithAgent(
  socket: string,
  key: ParsedKey,
  data: Buffer,
  hash: string | undefined,
): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  createAgent(socket).sign(key, data, signingOptions(hash), (error, signature) => {
    if (error || signature === undefined) reject(error ?? new Error("The agent did not sign"));
    else resolve(signature);
  });
  return promise;
}

function signingOptions(hash: string | undefined): SigningRequestOptions {
  return hash === "sha256" || hash === "sha512" ? { hash } : {};
}

/** `signers` as an ssh2 agent. `onFailure` learns why a key that the host wanted did not sign. */
export class SignerAgent extends BaseAgent<ParsedKey> {
  readonly #signers: readonly Signer[];
  readonly #onFailure: (error: unknown) => void;

  constructor(signers: readonly Signer[], onFailure: (error: unknown) => void) {
    super();
    this.#signers = signers;
    this.#onFailure = onFailure;
  }

  override getIdentities(done: IdentityCallback<ParsedKey>): void {
    done(null, this.#signers.map(({ key }) => key));
  }

  override sign(
    key: ParsedKey,
    data: Buffer,
    options: SigningRequestOptions | SignCallback,
    done?: SignCallback,
  ): void {
    const reply = typeof options === "function" ? options : done;
    const hash = typeof options === "function" ? undefined : options.hash;
    const signer = this.#signers.find((one) => one.key.equals(key));
    const signature = signer?.sign(data, hash) ?? Promise.reject(new Error("No such key"));
    signature.then(
      (bytes) => reply?.(null, bytes),
      (error) => {
        this.#onFailure(error);
        reply?.(error instanceof Error ? error : new Error(String(error)));
      },
    );
  }
}
