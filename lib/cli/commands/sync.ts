/**
 * `sync`: keeps a local folder and one of the remote host equal, once or until interrupted, without any
 * container. Owns the connection and the session.
 */
import { basename, join } from "node:path";
import { connectorOf } from "../../app/transport.ts";
import { listedHosts, loadSettings } from "../../config/configuration.ts";
import { findGiven, type Sources } from "../../config/load.ts";
import type { Given } from "../../config/option.ts";
import { resolvePath } from "../../config/paths.ts";
import type { OptionName } from "../../config/schema.ts";
import { OPTIONS_OF } from "../../config/settings/endpoint.ts";
import { describeRemote, type Settings } from "../../config/settings/settings.ts";
import { stateObstacle } from "../../config/state_folder.ts";
import { AgentError } from "../../errors.ts";
import { configureLogging, logger, oneLine } from "../../log.ts";
import { formatHostPort } from "../../net/address.ts";
import { barReports } from "../../ops/sync_bar.ts";
import { SyncManager } from "../../sync/manager.ts";
import { formatBytes } from "../../sync/sources.ts";
import { logReports, type SyncReport } from "../../sync/sync_report.ts";
import { isTunnelUrl, parseFolderUrl, settingsOf } from "../../transport/endpoint/tunnel_url.ts";
import { Supervisor } from "../../transport/supervisor.ts";
import { STOP_SIGNALS, type StopSignal, type System } from "../system.ts";
import { requireUrlLast } from "./url_last.ts";

/** Returns the exit code. Throws `AgentError`. */
export async function runSync(
  { places }: { readonly places?: readonly string[] },
  sources: Sources,
  system: System,
): Promise<number> {
  const [local = "", place = ""] = places ?? [];
  requireUrlLast("sync", local);
  const { path, flags: named } = readPlace(place, sources.cwd);
  if (isTunnelUrl(place)) refuseBoth(sources.flags);
  const host = await listedHost(sources, named);
  const flags = [...sources.flags, ...(host === undefined ? named : [])];
  const loaded = await loadSettings({ ...sources, flags }, host);
  const settings = isTunnelUrl(place) ? asInUrl(loaded, place, system) : loaded;
  if (settings.sync.mode === "off") throw nothingTravels(settings);
  const write = (line: string) => system.err(`${line}\n`);
  configureLogging({ level: settings.logLevel, format: settings.logFormat, write });
  const watches = flags.findLast(({ name }) => name === "watch")?.text === "true";

  const stop = new AbortController();
  let stopped: StopSignal | undefined;
  const unwatch = system.onSignal((signal) => {
    stopped ??= signal;
    stop.abort(new AgentError("lost", "The sync was interrupted"));
  });
  try {
    await sync(settings, { local, path, watches }, system, stop.signal);
    return 0;
  } catch (error) {
    if (stopped === undefined) throw error;
    return watches ? 0 : 128 + STOP_SIGNALS[stopped];
  } finally {
    unwatch();
  }
}

/** The name of a host of the configuration, where the place means one and not what SSH calls so. */
async function listedHost(
  sources: Sources,
  named: readonly Given<OptionName>[],
): Promise<string | undefined> {
  const [host] = named;
  if (host === undefined || host.name !== "ssh-host") return undefined;
  const listed = listedHosts(await findGiven(sources)) ?? [];
  return listed.find(({ name }) => name === host.text)?.name;
}

/** Where the folder is on the remote host, and what the place says about the way there. */
function readPlace(place: string, base: string): { path: string; flags: Given<OptionName>[] } {
  const origin = { source: "flag", where: `"${place}"` } as const;
  const given = (name: OptionName, text: string | undefined): Given<OptionName>[] =>
    text === undefined ? [] : [{ name, text, origin, base }];
  if (!isTunnelUrl(place)) {
    const { host, path } = splitPlace(place);
    return { path, flags: given("ssh-host", host) };
  }
  const { server, path } = parseFolderUrl(place);
  return {
    path,
    flags: [
      ...given("ts-server", formatHostPort(server.host, server.port)),
      ...given("ts-sni", server.serverName),
      ...given("ts-cert", server.certFile),
      ...given("ts-key", server.keyFile),
      ...given("ts-ca", server.caFile),
      ...given("ts-insecure", `${server.insecure}`),
    ],
  };
}

/** What a URL says itself, and flags would say again. */
const IN_URL: readonly OptionName[] = OPTIONS_OF.tstunnel.filter((name) =>
  name !== "ts-token-file"
);

function refuseBoth(flags: readonly Given<OptionName>[]): void {
  const stray = flags.find(({ name }) => IN_URL.includes(name));
  if (stray === undefined) return;
  throw new AgentError("usage", `Cannot use ${stray.origin.where} together with a URL`, {
    hint: "the URL says where the server is, and with which files to go there",
  });
}

/** Whatever a file says of another server is not for that of the URL, above all no token. */
function asInUrl(settings: Settings, url: string, { cwd, place }: System): Settings {
  const { server } = parseFolderUrl(url);
  const tokenFile = settings.tstunnel?.tokenFile;
  const sendsToken = tokenFile !== undefined &&
    settings.origins["ts-token-file"].source !== "file";
  return {
    ...settings,
    tstunnel: {
      ...settingsOf(server, (file) => resolvePath(file, cwd, place)),
      ...(sendsToken && { tokenFile }),
    },
  };
}

function nothingTravels({ origins }: Settings): AgentError {
  const { where } = origins["sync-mode"];
  return new AgentError("usage", `Cannot sync with ${where}: in mode off nothing travels`, {
    hint: "give --sync-mode two-way-safe, one-way-safe or one-way-replica",
  });
}

/** `host:path`, where the host may have a user, or only a path. */
export function splitPlace(place: string): { host?: string; path: string } {
  const match = /^((?:[^/:@]*@)?\[[^\]]+\]|[^/:]+):(.*)$/s.exec(place);
  if (match?.[1] === undefined) return { path: place };
  return { host: match[1], path: match[2] === "" ? "." : match[2] ?? "." };
}

/** What is kept equal, and for how long. */
interface Job {
  readonly local: string;
  readonly path: string;
  /** Until interrupted, not once. */
  readonly watches: boolean;
}

async function sync(
  settings: Settings,
  job: Job,
  system: System,
  signal: AbortSignal,
): Promise<void> {
  const stateFolder = await stateFolderOf(settings);
  const supervisor = new Supervisor({ connect: connectorOf(settings) });
  const giveUp = () => void supervisor.close();
  signal.addEventListener("abort", giveUp, { once: true });
  let manager: SyncManager | undefined;
  try {
    await supervisor.start();
    manager = await openManager(settings, stateFolder, supervisor, system);
    const { binds, sync: { mode } } = settings;
    const local = resolvePath(job.local, system.cwd, system.place);
    const id = await manager.preparePlain(local, job.path, mode, signal);
    await carry(manager, id, (binds.bar ? barReports() : logReports())(basename(local)), signal);
    await tell(manager, id, system);
    if (!job.watches) return;
    await manager.watch(id);
    await aborted(signal);
  } finally {
    signal.removeEventListener("abort", giveUp);
    await manager?.close();
    await supervisor.close();
  }
}

async function stateFolderOf({ stateFolder }: Settings): Promise<string> {
  const obstacle = await stateObstacle(stateFolder);
  if (stateFolder !== undefined && obstacle === undefined) return stateFolder;
  const { why = "", hint = "" } = obstacle ?? {};
  throw new AgentError("config", `Cannot remember what was synced: ${why}`, { hint });
}

function openManager(
  settings: Settings,
  stateFolder: string,
  supervisor: Supervisor,
  { place: { home } }: System,
): Promise<SyncManager> {
  const { reconnectWaitMs, sync: { root, maxBytes, ignore, gitignore } } = settings;
  return SyncManager.open({
    // Sessions of the agent itself are its own while it runs.
    stateFolder: join(stateFolder, "plain"),
    owner: "plain",
    syncRoot: root,
    maxBytes,
    ignore,
    gitignore,
    remote: describeRemote(settings),
    ...(home !== undefined && { home }),
    log: logger("sync"),
    shell: async (abort) => {
      const transport = await supervisor.ready({ waitMs: reconnectWaitMs, signal: abort });
      const found = await transport.bulkShell?.() ?? transport.shell;
      if (found !== undefined) return found;
      throw new AgentError("engine", "Cannot sync: the remote host runs no commands for us");
    },
  });
}

async function carry(
  manager: SyncManager,
  id: string,
  report: SyncReport,
  signal: AbortSignal,
): Promise<void> {
  try {
    await manager.flush([id], { signal, onProgress: (progress) => report.update(progress) });
  } finally {
    report.end();
  }
}

/** What there is now, what was kept of conflicts, and what was left alone, on standard output. */
async function tell(manager: SyncManager, id: string, system: System): Promise<void> {
  const info = manager.snapshot().find(({ session }) => session === id);
  if (info !== undefined) {
    const kept = info.conflicts === 0 ? "" : `; ${info.conflicts} conflicts`;
    const entries = info.files === 1 ? "1 entry" : `${info.files} entries`;
    system.out(`Synced ${entries}, ${formatBytes(info.bytes)}${kept}\n`);
  }
  for (const { session, local, kept } of await manager.conflicts()) {
    const text = `The remote version of ${local} is kept in ${kept}`;
    if (session === id) system.out(`${oneLine(text)}\n`);
  }
  for (const { path, reason, isSynced } of info?.problems ?? []) {
    const what = isSynced ? "Synced as it is" : "Left alone";
    system.out(`${oneLine(`${what}: ${path}: ${reason}`)}\n`);
  }
}

/** Settles, by rejecting, when `signal` aborts. */
async function aborted(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason);
  if (signal.aborted) stop();
  else signal.addEventListener("abort", stop, { once: true });
  return await promise;
}
