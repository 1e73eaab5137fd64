/**
 * What the launcher of the portable file (`scripts/launcher.sh`) tells the program by variables. They are
 * taken out of the environment, so that commands that the program runs get the one its user has.
 */

/** The path of the launcher. */
const FILE = "REMOTE_DOCKER_AGENT_FILE";
/** The runtime's own settings, and where the launcher keeps what the user had in their place. */
const REPLACED = ["DENO_DIR", "DENO_NO_UPDATE_CHECK"] as const;
const kept = (name: string) => `REMOTE_DOCKER_AGENT_${name}`;

/** The environment of a process. */
export type Environment = Pick<typeof Deno.env, "get" | "set" | "delete">;

/** The path of the launcher, where there is one; the environment is then as it was before it. */
export function leaveLauncher(env: Environment): string | undefined {
  const file = env.get(FILE) || undefined;
  if (file === undefined) return undefined;
  env.delete(FILE);
  for (const name of REPLACED) {
    const own = env.get(kept(name));
    env.delete(kept(name));
    if (own) env.set(name, own);
    else env.delete(name);
  }
  return file;
}
