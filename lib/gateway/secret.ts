/** Reads the file with a guest's token, which is never logged. */
import { AgentError, messageOf } from "../errors.ts";
import { readSmallText } from "../system/small_file.ts";

const MAX_LENGTH = 4096;
const MAX_FILE_BYTES = 64 * 1024;

/** The first line of the file. Throws `AgentError` of kind `config`. */
export async function readSecret(path: string): Promise<string> {
  let text: string;
  try {
    text = await readSmallText(path, MAX_FILE_BYTES);
  } catch (cause) {
    throw new AgentError("config", `Cannot read the token file "${path}": ${messageOf(cause)}`, {
      cause,
      hint: "check the path and its permissions",
    });
  }
  const token = text.split("\n", 1)[0]?.trim() ?? "";
  if (token.length <= MAX_LENGTH && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new AgentError("config", `There is no token in "${path}"`, {
    hint: "the first line is the token: visible characters without spaces",
  });
}
