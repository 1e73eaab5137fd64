/**
 * Starts the hook of `cipher_hook.ts`; a module of its own because it has to run before ssh2 loads.
 */
import { hookCiphers } from "./cipher_hook.ts";

/** Ends the hook; see {@link hookCiphers}. */
export const endCipherHook = hookCiphers();
