/** The local side as {@link SshEnv}, read from the process it runs in. */
import { hostname, userInfo } from "node:os";
import { homeDirectory } from "../../../system/home_directory.ts";
import type { SshEnv } from "../settings.ts";

/** What is true of this process and the person who started it. */
export function localEnv(): SshEnv {
  const get = (name: string) => Deno.env.get(name);
  const os = Deno.build.os;
  const uid = Deno.uid();
  return {
    platform: os === "windows" || os === "darwin" ? os : "linux",
    home: homeDirectory(get(os === "windows" ? "USERPROFILE" : "HOME")) ?? "/",
    user: localUser(get),
    ...(uid === null ? {} : { uid }),
    hostname: hostname(),
    get,
    interactive: Deno.stdin.isTerminal(),
  };
}

function localUser(get: SshEnv["get"]): string {
  try {
    return userInfo().username;
  } catch {
    // A user id without an account, as in some containers.
    return get("USER") ?? get("LOGNAME") ?? get("USERNAME") ?? "root";
  }
}
