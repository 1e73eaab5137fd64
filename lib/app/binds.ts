/**
 * The part of the composition root that is about bind mounts: the sync sessions of the remote host and
 * what rewrites and follows containers. Whoever calls owns what is made.
 */
import type { Emit } from "../agent_event.ts";
import { describeRemote, type Settings } from "../config/settings/settings.ts";
import { type StateObstacle, stateObstacle } from "../config/state_folder.ts";
import { EngineCalls } from "../docker/engine_calls.ts";
import type { Interceptor } from "../docker/exchange.ts";
import { AgentError } from "../errors.ts";
import { BindMounts } from "../intercept/binds/bind_mounts.ts";
import { warnOfBinds } from "../intercept/binds/elsewhere.ts";
import { type BindRule, DEFAULT_BIND_RULES } from "../intercept/binds/rules.ts";
import type { BindFiles, LocalKind } from "../intercept/binds/sources.ts";
import { logger } from "../log.ts";
import { parseListenAddress } from "../net/address.ts";
import { askProcess, failureOf } from "../ops/ask.ts";
import { barReports } from "../ops/sync_bar.ts";
import { SyncManager } from "../sync/manager.ts";
import type { SyncOptions } from "../sync/session_store.ts";
import { logReports } from "../sync/sync_report.ts";
import { existsThere } from "../sync/volume/exists_there.ts";
import { shellQuote } from "../transport/posix_shell.ts";
import type { Supervisor } from "../transport/supervisor.ts";
import type { Shell } from "../transport/transport.ts";
import { parseRemoteDocker } from "../transport/url.ts";
import { engineStream, engineStreams } from "./engine_streams.ts";
import { limitsOf } from "./reach.ts";

/** A flush that takes longer goes on; what is missing follows. */
const HOLDER_WAIT_MS = 120_000;

/** Sync sessions and the mounts that use them. */
export interface Binding {
  readonly sync: SyncManager;
  readonly mounts: BindMounts;
  /** What the sync asks the engine by. */
  readonly engine: EngineCalls;
}

/** What syncs bind mounts; nothing where they are left to the remote host. */
export async function makeBinding(
  settings: Settings,
  supervisor: Supervisor,
  { emit, ownerId }: { emit: Emit; ownerId: () => Promise<string> },
): Promise<Binding | undefined> {
  if (settings.sync.mode === "off" || settings.mode === "raw") return undefined;
  const { stateFolder } = settings;
  const obstacle = await stateObstacle(stateFolder);
  if (stateFolder === undefined || obstacle !== undefined) {
    logger("binds").warn(`Bind mounts are those of the remote host: ${inWords(obstacle)}`);
    return undefined;
  }
  const limits = limitsOf(supervisor);
  if (limits !== undefined) {
    logger("binds").info(`Folders are synced through volumes of the engine: ${limits}`);
  }
  const owner = await ownerId();
  const engine = makeEngine(settings, supervisor);
  const options = { stateFolder, owner, emit, engine };
  const sync = await openSync(settings, supervisor, options);
  return { sync, engine, mounts: makeMounts(settings, supervisor, { sync, owner, engine }) };
}

/** What looks at the mounts of requests: who syncs them, or who says why nobody does. */
export async function bindInterceptors(
  { sync, mode, stateFolder }: Settings,
  binding: Binding | undefined,
): Promise<readonly Interceptor[]> {
  if (binding !== undefined) return binding.mounts.interceptors;
  if (sync.mode === "off" || mode === "raw") return [];
  return [warnOfBinds(inWords(await stateObstacle(stateFolder)))];
}

function inWords(obstacle: StateObstacle | undefined): string {
  return obstacle === undefined ? "no state can be kept" : `${obstacle.why}; ${obstacle.hint}`;
}

function makeEngine(settings: Settings, supervisor: Supervisor): EngineCalls {
  const waitMs = settings.reconnectWaitMs;
  return new EngineCalls(async (signal) => {
    const options = { lane: "bulk", waitMs, ...(signal && { signal }) } as const;
    return engineStream(settings, await supervisor.open({ kind: "docker" }, options));
  });
}

function openSync(
  settings: Settings,
  supervisor: Supervisor,
  options: Pick<SyncOptions, "stateFolder" | "owner" | "emit" | "engine">,
): Promise<SyncManager> {
  const { root, maxBytes, ignore, gitignore } = settings.sync;
  const { home } = settings.binds;
  return SyncManager.open({
    ...options,
    syncRoot: root,
    maxBytes,
    ignore,
    gitignore,
    remote: describeRemote(settings),
    ...(home === undefined ? {} : { home }),
    log: logger("sync"),
    shell: (signal) => bulkShell(supervisor, settings.reconnectWaitMs, signal),
  });
}

async function bulkShell(
  supervisor: Supervisor,
  waitMs: number,
  signal: AbortSignal,
): Promise<Shell | undefined> {
  const transport = await supervisor.ready({ waitMs, signal });
  await transport.look?.();
  if (transport.limits !== undefined) return undefined;
  return await transport.bulkShell?.() ?? transport.shell;
}

function makeMounts(
  settings: Settings,
  supervisor: Supervisor,
  { sync, owner, engine: calls }: { sync: SyncManager; owner: string; engine: EngineCalls },
): BindMounts {
  const engine = parseRemoteDocker(settings.remoteDocker);
  const { mode } = settings.sync;
  return new BindMounts({
    sync,
    owner,
    rules: [...settings.binds.rules, ...ownSockets(settings), ...DEFAULT_BIND_RULES],
    platform: Deno.build.os,
    files: filesOf(supervisor, settings.reconnectWaitMs, calls),
    engineSocket: engine.kind === "unix" ? engine.path : undefined,
    ...(mode === "two-way-safe" ? {} : { mode }),
    report: settings.binds.bar ? barReports() : logReports(),
    askHolder: (process, sessions) => askHolder(settings, process, sessions),
    ...engineStreams(settings, supervisor),
  });
}

/** Another agent of this user works on the folders: it is asked as `syncs flush` asks it. */
async function askHolder(
  { ops }: Settings,
  process: number,
  sessions: readonly string[],
): Promise<void> {
  const { runtimeDirectory: directory } = ops;
  if (directory === undefined) throw new AgentError("engine", `Cannot ask process ${process}`);
  for (const session of sessions) {
    const target = `/syncs/flush?${new URLSearchParams({ session })}`;
    const answer = await askProcess(directory, process, target, HOLDER_WAIT_MS);
    if (answer.status !== 200) throw failureOf(answer);
  }
}

/** The sockets that we listen on stand for the engine too. */
function ownSockets({ listen }: Settings): BindRule[] {
  return listen.flatMap((text) => {
    const address = parseListenAddress(text);
    return address.kind === "unix" ? [{ pattern: address.path, place: "socket" as const }] : [];
  });
}

function filesOf(supervisor: Supervisor, waitMs: number, engine: EngineCalls): BindFiles {
  return {
    kindOf,
    makeDirectory: (path) => Deno.mkdir(path, { recursive: true }),
    async existsRemotely(path, signal) {
      const { shell } = await supervisor.ready({ waitMs, signal });
      if (shell === undefined) return await existsThere(engine, path, signal);
      return (await shell.run(`test -e ${shellQuote(path)}`, { signal })).code === 0;
    },
  };
}

async function kindOf(path: string): Promise<LocalKind> {
  try {
    const { isFile, isDirectory } = await Deno.stat(path);
    return isFile ? "file" : isDirectory ? "directory" : "other";
  } catch (error) {
    const missing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (missing) return "missing";
    throw error;
  }
}
