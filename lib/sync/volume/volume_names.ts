/** What the engine's objects of a synced folder are called, and what says that they are ours. Pure. */

/** Begins the names of our volumes; the id of the session follows. */
const PREFIX = "remote-docker-agent-";
/** On volumes and their helpers: the id of the session. */
export const SESSION_LABEL = "remote-docker-agent.session";
/** On volumes and their helpers: whose they are; see `ownerId`. */
export const OWNER_LABEL = "remote-docker-agent.owner";
/** On helpers only. */
export const HELPER_LABEL = "remote-docker-agent.helper";

/** The volume that holds the copy of a session. */
export function volumeName(session: string): string {
  return `${PREFIX}${session}`;
}

/** The session of a volume; nothing for one that is not named so. */
export function sessionOfVolume(name: string): string | undefined {
  return name.startsWith(PREFIX) ? name.slice(PREFIX.length) : undefined;
}

/** The stopped container through which the files of a volume are reached. */
export function helperName(volume: string): string {
  return `${volume}-files`;
}
