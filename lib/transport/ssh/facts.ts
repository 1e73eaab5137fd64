/**
 * What one cheap command tells about the remote host. Running it matters even if nobody reads the
 * answer: OpenSSH's server turns Nagle's delay off for a connection only once a session has been
 * opened on it, which makes opening a channel take 0.6 ms instead of 44 ms.
 */
import { messageOf } from "../../errors.ts";
import type { Logger } from "../../log.ts";
import { posixCommand } from "../posix_shell.ts";
import type { Shell } from "../transport.ts";

/** The remote side, as its user sees it. */
export interface RemoteFacts {
  /** `uname -s`, such as `Linux`. */
  os: string;
  /** `uname -m`, such as `x86_64`. */
  arch: string;
  home: string;
  user: string;
  groups: string[];
  /** Those of {@link PROBED_TOOLS} that are in the PATH. */
  tools: string[];
}

const PROBED_TOOLS = ["tar", "rsync", "docker"] as const;
const TIMEOUT_MS = 10_000;
/** Tells our lines from what a login script prints. */
const PREFIX = "rda-fact:";
const SCRIPT = [
  `f() { printf '${PREFIX}%s=%s\\n' "$1" "$2"; }`,
  'f os "$(uname -s)"; f arch "$(uname -m)"; f home "$HOME"',
  'f user "$(id -un)"; f groups "$(id -nG)"',
  `for t in ${PROBED_TOOLS.join(" ")}; do command -v $t >/dev/null 2>&1 && f tool $t; done; :`,
].join("; ");

/**
 * The facts, or `undefined` if the host runs no POSIX shell for us (a forced command, nologin,
 * Windows); such a host can still forward. Never rejects.
 */
export async function probeFacts(shell: Shell, log: Logger): Promise<RemoteFacts | undefined> {
  try {
    const { stdout } = await shell.run(posixCommand(SCRIPT), {
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return parseFacts(stdout);
  } catch (error) {
    log.debug("The remote host runs no commands for us", { error: messageOf(error) });
    return undefined;
  }
}

/** Reads what the script printed, amid whatever else was printed. */
function parseFacts(output: string): RemoteFacts | undefined {
  const values = new Map<string, string>();
  const tools: string[] = [];
  for (const line of output.split("\n")) {
    const match = /^([a-z]+)=(.*)$/.exec(line.startsWith(PREFIX) ? line.slice(PREFIX.length) : "");
    const [, key, value] = match ?? [];
    if (key === undefined || value === undefined) continue;
    if (key === "tool") tools.push(value);
    else values.set(key, value);
  }
  const get = (key: string) => values.get(key) ?? "";
  if (get("os") === "") return undefined;
  const groups = get("groups").split(" ").filter((group) => group !== "");
  return { os: get("os"), arch: get("arch"), home: get("home"), user: get("user"), groups, tools };
}
