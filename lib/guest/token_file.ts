/**
 * A file of tokens, one to a line; `#` begins a comment. It is read for each request, so that a token
 * can be replaced while the guest runs. A client takes the first one.
 */
import { AgentError, messageOf } from "../errors.ts";
import { readSmallText } from "../system/small_file.ts";

/** Below this a token could be guessed. */
const MIN_TOKEN_CHARS = 16;
const MAX_FILE_BYTES = 64 * 1024;
const HINT = "write one of at least 16 characters: openssl rand -hex 32 > FILE; chmod 600 FILE";

/** Throws `AgentError` of kind `config` when there is no good token in the file. */
export async function readTokens(path: string): Promise<readonly string[]> {
  const refusal = (why: string, cause?: unknown) =>
    new AgentError("config", `Cannot use the token file "${path}": ${why}`, { cause, hint: HINT });
  let text: string;
  try {
    text = await readSmallText(path, MAX_FILE_BYTES);
  } catch (cause) {
    throw refusal(messageOf(cause), cause);
  }
  const tokens = text.split("\n").map((line) => line.trim()).filter((line) => !/^(#|$)/.test(line));
  if (tokens.length === 0) throw refusal("it holds no token");
  if (tokens.some((token) => token.length < MIN_TOKEN_CHARS || /\s/.test(token))) {
    throw refusal(`a token has at least ${MIN_TOKEN_CHARS} characters and no spaces`);
  }
  return tokens;
}

/** Whether others than its owner may read the file; not known on Windows. */
export async function isReadableByOthers(path: string): Promise<boolean> {
  const { mode } = await Deno.stat(path);
  return mode !== null && (mode & 0o077) !== 0;
}
