/**
 * One remote directory tree as a session sees it: where it is, where files are put together before
 * they are moved into it, and what the host can do. Plain data.
 */
import type { Shell } from "../transport/transport.ts";
import { shellQuote } from "../transport/ssh/shell.ts";
import { AgentError } from "../errors.ts";
import { askScript } from "./remote_shell.ts";

/** What one question tells about the remote host. */
export interface RemoteFacts {
  /** It may give files away, so that owners and modes are kept as they are. */
  readonly isRoot: boolean;
  readonly home: string;
  readonly inotify: boolean;
}

/** See the file comment. */
export interface RemoteRoot {
  /** Absolute, without symlinks. */
  readonly path: string;
  /** A directory on the same file system, which containers do not see. */
  readonly staging: string;
  readonly facts: RemoteFacts;
}

const PROBE = [
  'printf "uid=%s\\nhome=%s\\n" "$(id -u)" "$HOME"',
  "find --version 2>/dev/null | head -n 1",
  "stat --version 2>/dev/null | head -n 1",
  "tar --version 2>/dev/null | head -n 1",
  "command -v inotifywait >/dev/null 2>&1 && echo inotifywait",
  ":",
].join("; ");

/** Asks once per connection. Throws `AgentError` if the host lacks the tools. */
export async function probeRemote(shell: Shell, signal?: AbortSignal): Promise<RemoteFacts> {
  const { value = "", code, stderr } = await askScript(shell, PROBE, signal);
  const lacking = ["find", "stat", "tar"].filter((tool) =>
    !value.split("\n").some((line) => line.startsWith(`${tool} (GNU`))
  );
  if (code !== 0 || lacking.length > 0) {
    const said = stderr.length > 0 ? `: ${stderr.join("; ")}` : "";
    throw new AgentError("engine", `Cannot sync files to the remote host${said}`, {
      hint: `It needs a POSIX shell and GNU ${lacking.join(", ") || "tools"}`,
    });
  }
  const home = value.match(/^home=(.*)$/m)?.[1] ?? "";
  return {
    isRoot: /^uid=0$/m.test(value),
    home,
    inotify: /^inotifywait$/m.test(value),
  };
}

/** Creates the directories and resolves symlinks above them. Throws `AgentError`. */
export async function openRemoteRoot(
  shell: Shell,
  facts: RemoteFacts,
  where: { readonly path: string; readonly staging: string },
  signal?: AbortSignal,
): Promise<RemoteRoot> {
  // The directories made on the way keep others out; the last one is open to any container user.
  const script = `umask 077; ` +
    `if [ ! -d ${shellQuote(where.path)} ]; then mkdir -p ${shellQuote(where.path)} && ` +
    `chmod ${facts.isRoot ? "755" : "777"} ${shellQuote(where.path)}; fi && ` +
    `cd ${shellQuote(where.path)} && pwd -P && mkdir -p ${shellQuote(where.staging)} && ` +
    `cd ${shellQuote(where.staging)} && pwd -P && rm -rf ./up.*`;
  const { value = "", code, stderr } = await askScript(shell, script, signal);
  const [path, staging] = value.split("\n");
  if (code !== 0 || !path || !staging) {
    throw new AgentError(
      "engine",
      `Cannot create "${where.path}" on the remote host: ${stderr.join("; ")}`,
      { hint: "Name another directory with --sync-root" },
    );
  }
  return { path, staging, facts };
}

/** `~` at the beginning stands for the remote home directory. */
export function expandHome(path: string, facts: RemoteFacts): string {
  return path === "~" || path.startsWith("~/") ? facts.home + path.slice(1) : path;
}
