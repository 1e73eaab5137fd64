/**
 * Which session a bind mount belongs to: the one of its folder, one of a folder above it, or a new one.
 *
 * A folder that is mounted after one inside it has a session of its own: the remote copy of the inner
 * one is where containers have it. What is in both is kept twice there, and both copies follow the one
 * folder here, so nothing is ever in conflict because of that. Who comes later shares the copy that
 * containers use.
 */
import { dirname, join } from "node:path";
import { IgnoreFiles } from "./ignore_files.ts";
import { relativeTo } from "./path_map.ts";
import type { Session } from "./session.ts";
import type { SessionStore } from "./session_store.ts";
import { checkSize, type Source, SyncRefused } from "./sources.ts";
import type { MountRequest, SyncMode } from "./types.ts";
import { volumeName } from "./volume/volume_names.ts";

/** The part of a session's remote directory that containers see. */
const DATA = "data";
const STAGING = "staging";
/** In the place of a remote path in the id of a file's session: a folder may take its name. */
const SINGLE_FILE = "file";

/** The same where the copy is a volume. */
const VOLUME = "volume";

/** A session, and where in it the source of a mount is. */
export interface FoundSession {
  readonly session: Session;
  readonly below: string;
}

/** Finds or makes it; one call at a time. Throws `AgentError`, `SyncRefused` for what is too large. */
export async function findSession(
  store: SessionStore,
  source: Source,
  request: MountRequest,
  signal: AbortSignal,
): Promise<FoundSession> {
  const mode = request.mode ?? (request.readOnly ? "one-way-safe" : "two-way-safe");
  const volume = await volumeFor(store, source, request, signal);
  if (volume !== undefined) {
    const found = store.sessions.get(volume) ?? store.adopt(volume);
    if (found !== undefined) widen(found, mode, request.mode !== undefined);
    return {
      session: found ?? await make(store, source, request, mode, signal, volume),
      below: "",
    };
  }
  const before = former(store, source, request.session);
  const found = before !== undefined || source.only !== undefined
    ? known(store, before ?? source)
    : sharing(store, source.root, request);
  if (found === undefined) {
    const session = await make(store, before ?? source, request, mode, signal);
    return { session, below: below(store, session, source) };
  }
  widen(found.session, mode, request.mode !== undefined && found.below === "");
  return { session: found.session, below: below(store, found.session, source) };
}

/** The id of the session whose copy is a volume; nothing where copies are in directories. */
async function volumeFor(
  store: SessionStore,
  source: Source,
  request: MountRequest,
  signal: AbortSignal,
): Promise<string | undefined> {
  const id = store.idOf(source.root, VOLUME);
  const isWanted = store.engine !== undefined && request.session === id;
  if (!isWanted && await store.shell(signal) !== store.engine) return undefined;
  if (source.only === undefined) return id;
  throw new SyncRefused(
    `Cannot mount the file "${source.only}" by itself: there is only the Docker API, and a volume ` +
      "is mounted as a folder",
    "Mount the folder that it is in, or ask for a guest beside the gateway",
  );
}

/** What a session of this id was about: the source itself, or a folder above it. */
function former(
  store: SessionStore,
  source: Source,
  id: string | undefined,
): Source | undefined {
  if (id === undefined) return undefined;
  if (idOf(store, source) === id) return source;
  for (let root = source.root;; root = dirname(root)) {
    if (idOf(store, { root }) === id) return { root };
    if (root === dirname(root)) return undefined;
  }
}

function below(store: SessionStore, { record }: Session, source: Source): string {
  if (record.only !== undefined || source.only !== undefined) return "";
  return relativeTo(record.root, source.root, store.platform) ?? "";
}

function idOf(store: SessionStore, { root, only }: Source): string {
  return only === undefined ? store.idOf(root, "") : store.idOf(join(root, only), SINGLE_FILE);
}

function known(store: SessionStore, source: Source): FoundSession | undefined {
  const session = store.sessions.get(idOf(store, source)) ?? store.adopt(idOf(store, source));
  return session && { session, below: "" };
}

/** The session whose root holds a folder: one that containers use before others, then the nearest. */
function sharing(
  store: SessionStore,
  root: string,
  request: MountRequest,
): FoundSession | undefined {
  // One that another process has made meanwhile is among them then.
  known(store, { root });
  const found: FoundSession[] = [];
  for (const session of store.sessions.values()) {
    const { record } = session;
    const below = relativeTo(record.root, root, store.platform);
    if (below === undefined || record.only !== undefined) continue;
    if (record.plain === true || record.volume === true) continue;
    if (below === "" || canShare(store, session, below, request)) found.push({ session, below });
  }
  const isUsed = ({ session }: FoundSession) => Object.keys(session.record.containers).length > 0;
  const nearest = found.sort((a, b) => a.below.length - b.below.length);
  return nearest.find(isUsed) ?? nearest[0];
}

function canShare(
  store: SessionStore,
  { record }: Session,
  below: string,
  request: MountRequest,
): boolean {
  if (request.mode !== undefined && request.mode !== record.mode) return false;
  const tree = { root: record.root, platform: store.platform };
  const { rules } = new IgnoreFiles(tree, record.ignore, store.options.gitignore);
  const parts = below.split("/");
  return !parts.some((_, i) => rules(parts.slice(0, i + 1).join("/"), true));
}

/** A session that went one way because nobody wrote there goes both ways once somebody does. */
function widen(session: Session, mode: SyncMode, isExplicit: boolean): void {
  const { mode: current } = session.record;
  const wider = current === "one-way-safe" && mode === "two-way-safe";
  if (mode !== current && (isExplicit || wider)) session.update({ mode });
}

async function make(
  store: SessionStore,
  source: Source,
  request: MountRequest,
  mode: SyncMode,
  signal: AbortSignal,
  volume?: string,
): Promise<Session> {
  const { only, root } = source;
  const { options } = store;
  const id = volume ?? idOf(store, source);
  const ignore = [...options.ignore, ...(request.ignore ?? [])];
  const tree = { root, platform: store.platform };
  const { rules } = new IgnoreFiles(tree, ignore, options.gitignore);
  await checkSize(tree, source, rules, options.maxBytes, signal);
  const made = { id, root, mode, ignore, remote: options.remote, containers: {} };
  if (volume !== undefined) {
    const remotePath = volumeName(id);
    return store.start({ ...made, remotePath, staging: `${remotePath}/${STAGING}`, volume: true });
  }
  const base = `${await store.base(await store.shell(signal), signal)}/${id}`;
  return store.start({
    ...made,
    ...(only !== undefined && { only }),
    remotePath: only === undefined ? `${base}/${DATA}` : `${base}/${DATA}/${only}`,
    staging: `${base}/${STAGING}`,
  });
}
