/**
 * Containers write as root or as any other user, and what they make is theirs: the user we sign in as
 * may neither read all of it nor remove it. Who may use the engine may do so through a container, and
 * that is how it is set right: one that has the host's own tools, read-only, and the session's folder,
 * opens what is in it to everybody. The folder itself is inside a directory that lets nobody else in.
 */
import { shellQuote } from "../../transport/posix_shell.ts";
import type { Shell } from "../../transport/transport.ts";
import type { RemoteRoot } from "./root.ts";
import { askScript } from "./shell.ts";

/** An image with nothing in it; no registry is asked for it. */
const IMAGE = "remote-docker-agent/empty:1";
const TOOLS = "bin sbin lib lib32 lib64 usr";

/** What says in a complaint that rights are missing. */
const MISSING_RIGHTS = /Permission denied|Operation not permitted|may not be read \(on the remote/;

/** Whether any of these complaints may be mended by {@link openRights}. */
export function lacksRights(complaints: readonly string[]): boolean {
  return complaints.some((complaint) => MISSING_RIGHTS.test(complaint));
}

/** Returns nothing if it went well, otherwise what stood in the way. Throws if the link is lost. */
export async function openRights(
  shell: Shell,
  root: RemoteRoot,
  signal: AbortSignal,
): Promise<string | undefined> {
  const open = `find ${shellQuote(root.path)} ! -type l ` +
    "'(' -type d ! -perm -0777 -o -type f ! -perm -0666 ')' -exec chmod a+rwX {} +";
  const mount = shellQuote(`type=bind,source=${root.path},target=${root.path}`);
  const script = [
    "command -v docker >/dev/null 2>&1 || { echo 'no docker command there' >&2; exit 69; }",
    `docker image inspect ${IMAGE} >/dev/null 2>&1 || ` +
    `tar -cf - -T /dev/null | docker import - ${IMAGE} >/dev/null || exit 70`,
    `M=; for d in ${TOOLS}; do [ -e "/$d" ] && M="$M -v /$d:/$d:ro"; done`,
    `exec docker run --rm --network none --user 0 --entrypoint /bin/sh $M ` +
    `--mount ${mount} ${IMAGE} -c ${shellQuote(open)}`,
  ].join("\n");
  const { code, stderr } = await askScript(shell, script, signal);
  return code === 0 ? undefined : stderr.join("; ") || `exit status ${code}`;
}
