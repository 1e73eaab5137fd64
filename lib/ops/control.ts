/**
 * What its user may have a running command do about synced folders, on its private socket alone: no
 * other address leads here. Errors are answered as `{"message": …}`.
 *
 * GET  /syncs, /conflicts
 * POST /syncs/flush, /syncs/pause, /syncs/resume   ?session=ID or local path; all unless given
 * POST /conflicts/restore                          ?id=ID&to=FILE
 * POST /prune                                      ?dry-run=true
 */
import { AgentError, describeError } from "../errors.ts";
import type { SyncInfo } from "../sync/types.ts";
import { type Handler, jsonReply, type Reply } from "./http.ts";
import type { SyncControl } from "./sources/source.ts";

type Action = (sync: SyncControl, query: URLSearchParams) => Promise<unknown>;

const ACTIONS: Readonly<Record<string, Action>> = {
  "GET /syncs": (sync) => Promise.resolve(sync.snapshot()),
  "GET /conflicts": (sync) => sync.conflicts(),
  "POST /syncs/flush": async (sync, query) => {
    const sessions = chosen(sync, query);
    await sync.flush(sessions);
    return infos(sync, sessions);
  },
  "POST /syncs/pause": (sync, query) => {
    const sessions = chosen(sync, query);
    for (const session of sessions) sync.pause(session);
    return Promise.resolve(infos(sync, sessions));
  },
  "POST /syncs/resume": (sync, query) => {
    const sessions = chosen(sync, query);
    for (const session of sessions) sync.resume(session);
    return Promise.resolve(infos(sync, sessions));
  },
  "POST /conflicts/restore": async (sync, query) => {
    const to = query.get("to");
    await sync.restore(query.get("id") ?? "", ...(to === null ? [] : [to]));
    return {};
  },
  "POST /prune": (sync, query) => sync.prune({ dryRun: query.get("dry-run") === "true" }),
};

/** Answers what is to be done; everything else is for `others`. */
export function controlHandler(sync: () => SyncControl | undefined, others: Handler): Handler {
  return async (path, head) => {
    const action = ACTIONS[`${head.method} ${path}`];
    if (action === undefined) return await others(path, head);
    const sessions = sync();
    if (sessions === undefined) return jsonReply(200, []);
    return await run(action, sessions, head.target);
  };
}

async function run(action: Action, sync: SyncControl, target: string): Promise<Reply> {
  const query = new URLSearchParams(target.split("?").slice(1).join("?"));
  try {
    return jsonReply(200, await action(sync, query));
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    const status = error.kind === "usage" ? 404 : 503;
    return jsonReply(status, { message: describeError(error) });
  }
}

/** The sessions that are meant: by id or its beginning, by folder, or all. */
function chosen(sync: SyncControl, query: URLSearchParams): string[] {
  const wanted = query.get("session");
  const all = sync.snapshot();
  if (wanted === null) return all.map(({ session }) => session);
  const found = all.filter(({ session, root }) => root === wanted || session.startsWith(wanted));
  if (wanted !== "" && found.length === 1) return found.map(({ session }) => session);
  const message = found.length > 1
    ? `"${wanted}" stands for ${found.length} sync sessions`
    : `There is no sync session "${wanted}"`;
  throw new AgentError("usage", message, { hint: "see remote-docker-agent syncs" });
}

function infos(sync: SyncControl, sessions: readonly string[]): SyncInfo[] {
  return sync.snapshot().filter(({ session }) => sessions.includes(session));
}
