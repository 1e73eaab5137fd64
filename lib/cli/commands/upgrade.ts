/**
 * `upgrade --check`: asks the place of releases for its version and says whether it is newer than this
 * one. Nothing is asked unless the user names the place, and nothing is sent but the request.
 */
import metadata from "../../../deno.json" with { type: "json" };
import type { Values } from "../../config/schema.ts";
import { AgentError, messageOf } from "../../errors.ts";
import type { System } from "../system.ts";

/** For the whole answer, in milliseconds and bytes. */
const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 256;
const VERSION = /^(\d+)\.(\d+)\.(\d+)(?:-[0-9A-Za-z.-]+)?$/;

/** Returns 0; throws `AgentError`: `usage`, or `unreachable` when nobody can be asked. */
export async function runUpgrade(
  values: Pick<Values, "check" | "release-url">,
  system: System,
): Promise<number> {
  if (!values.check) {
    throw new AgentError("usage", "Cannot replace the program while it runs", {
      hint: "upgrade --check says whether there is a newer version, install.sh installs it",
    });
  }
  const place = placeOf(values["release-url"]);
  const newest = await askVersion(place);
  const own = metadata.version;
  system.out(
    isNewer(newest, own)
      ? `remote-docker-agent ${newest} is available in ${place} (this is ${own})\n`
      : `remote-docker-agent ${own} is the newest\n`,
  );
  return 0;
}

function placeOf(text: string | undefined): string {
  if (text === undefined) {
    throw new AgentError("usage", "Missing the place of releases", {
      hint: "name it with --release-url, or with release_url in the configuration file",
    });
  }
  if (/^(https|file):\/\//.test(text) && URL.canParse(text)) return text.replace(/\/+$/, "");
  throw new AgentError("usage", `Cannot take releases from "${text}"`, {
    hint: "give an https:// or file:// URL with --release-url",
  });
}

async function askVersion(place: string): Promise<string> {
  const url = `${place}/VERSION`;
  const refuse = (why: string, cause?: unknown) =>
    new AgentError(
      "unreachable",
      `Cannot check for a newer version than ${metadata.version}: ${why}`,
      {
        cause,
        hint: "check the network and --release-url; the program works all the same",
      },
    );
  let text: string;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) {
      await response.body?.cancel();
      throw refuse(`"${url}" answers ${response.status}`);
    }
    text = (await readSome(response)).trim();
  } catch (error) {
    throw error instanceof AgentError ? error : refuse(messageOf(error), error);
  }
  if (VERSION.test(text)) return text;
  throw refuse(`"${url}" does not hold a version`);
}

async function readSome({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_ANSWER) break;
  }
  return text;
}

/** By the three numbers; a version before its release (`-rc.1`) is older than the release. */
export function isNewer(version: string, own: string): boolean {
  const [a, b] = [version, own].map((text) => VERSION.exec(text)?.slice(1, 4).map(Number) ?? []);
  const at = [0, 1, 2].find((index) => a?.[index] !== b?.[index]);
  if (at !== undefined) return (a?.[at] ?? 0) > (b?.[at] ?? 0);
  return own.includes("-") && !version.includes("-");
}
