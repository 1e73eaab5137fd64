/**
 * The one door to ssh2: loads it with the ciphers of `ssh/cipher/cipher_hook.ts`. The order of imports counts.
 */
import { endCipherHook } from "./cipher/cipher_hook_start.ts";
// @ts-types="@types/ssh2"
import { BaseAgent, Client, createAgent, Server, utils } from "ssh2";

/** Whether ssh2 got our ciphers. It did not if something else had loaded it before. */
export const ciphersHooked = endCipherHook();

export { BaseAgent, Client, createAgent, Server, utils };
