/**
 * `syncs`, `conflicts` and `prune`: what the programs of this user that run now do about synced
 * folders. They are asked on their private sockets; nothing is done here.
 */
import { runtimeFolders } from "../../config/paths.ts";
import type { Values } from "../../config/schema.ts";
import { oneLine } from "../../log.ts";
import { askControl, failureOf } from "../../ops/ask.ts";
import type { Conflict, PruneEntry, SyncInfo } from "../../sync/types.ts";
import type { System } from "../system.ts";
import { renderTable } from "../table.ts";
import { nobody, size } from "./status.ts";

/** Asks all programs that run. */
export type Ask = typeof askControl;

/** What the three commands take. */
export type SyncsValues = Pick<Values, "json" | "session" | "restore" | "to" | "dry-run">;

/** Returns the exit code 0. Throws `AgentError`: `unreachable` when no program runs. */
export async function runSyncs(
  operand: string | undefined,
  { json, session }: Pick<SyncsValues, "json" | "session">,
  system: System,
  ask: Ask = askControl,
): Promise<number> {
  const query = session === undefined ? "" : `?${new URLSearchParams({ session })}`;
  const infos = operand === undefined
    ? await askAll<SyncInfo>(system, ask, "GET", "/syncs")
    : await askAll<SyncInfo>(system, ask, "POST", `/syncs/${operand}${query}`);
  const shown = operand !== undefined || session === undefined
    ? infos
    : infos.filter((info) => info.root === session || info.session.startsWith(session));
  if (json) system.out(JSON.stringify(shown, null, 2) + "\n");
  else system.out(renderSyncs(shown));
  return 0;
}

/** As {@link runSyncs}: lists kept versions, or puts one back. */
export async function runConflicts(
  { json, restore, to }: Pick<SyncsValues, "json" | "restore" | "to">,
  system: System,
  ask: Ask = askControl,
): Promise<number> {
  if (restore !== undefined) {
    const query = new URLSearchParams({ id: restore, ...(to === undefined ? {} : { to }) });
    await askAll(system, ask, "POST", `/conflicts/restore?${query}`);
    return 0;
  }
  const all = await askAll<Conflict>(system, ask, "GET", "/conflicts");
  const conflicts = eachOnce(all, ({ kept }) => kept);
  if (json) system.out(JSON.stringify(conflicts, null, 2) + "\n");
  else system.out(renderConflicts(conflicts));
  return 0;
}

/** As {@link runSyncs}: removes remote copies that no container uses. */
export async function runPrune(
  { json, "dry-run": dryRun }: Pick<SyncsValues, "json" | "dry-run">,
  system: System,
  ask: Ask = askControl,
): Promise<number> {
  const all = await askAll<PruneEntry>(system, ask, "POST", `/prune?dry-run=${dryRun}`);
  const pruned = eachOnce(all, ({ remotePath }) => remotePath);
  if (json) system.out(JSON.stringify(pruned, null, 2) + "\n");
  else {
    const verb = dryRun ? "Would remove" : "Removed";
    const lines = pruned.map(({ remotePath, root }) =>
      oneLine(`${verb} ${remotePath}${root === "" ? "" : ` of ${root}`}`) + "\n"
    );
    system.out(lines.join("") || "There is nothing to remove\n");
  }
  return 0;
}

/** Two agents on one state know of the same things. */
function eachOnce<T>(all: readonly T[], keyOf: (one: T) => string): T[] {
  return [...new Map(all.map((one) => [keyOf(one), one])).values()];
}

/** The answers of all; an error only if none of them could do it. */
async function askAll<T>(
  system: System,
  ask: Ask,
  method: "GET" | "POST",
  target: string,
): Promise<T[]> {
  const answers = await ask(runtimeFolders(system.place), method, target);
  if (answers.length === 0) throw nobody(system);
  const good = answers.filter(({ status }) => status === 200);
  const worst = answers.find(({ status }) => status === 503) ?? answers[0];
  const failed = good.length === 0 || worst?.status === 503;
  if (worst !== undefined && failed) throw failureOf(worst);
  return good.flatMap(({ body }) => Array.isArray(body) ? body as T[] : []);
}

/** A session, and the name of its host if that has one. */
type HostedSync = SyncInfo & { readonly host?: string };

/** The table for people. */
function renderSyncs(infos: readonly HostedSync[]): string {
  const head = ["SESSION", "FOLDER", "MODE", "FILES", "SIZE", "LAST SYNC", "PENDING"];
  const rows = infos.map((info) => [
    info.session,
    info.root,
    info.mode,
    `${info.files}`,
    size(info.bytes),
    info.lastSync === undefined ? "never" : new Date(info.lastSync).toISOString(),
    `${info.pending}`,
    `${info.conflicts}`,
    info.containers.join(",") || "-",
    info.reason === undefined ? info.state : `${info.state}: ${info.reason}`,
  ]);
  const all = [[...head, "CONFLICTS", "CONTAINERS", "STATE"], ...rows];
  const named = infos.some(({ host }) => host !== undefined);
  const owners = ["HOST", ...infos.map(({ host = "-" }) => host)];
  const table = renderTable(named ? all.map((row, at) => [owners[at] ?? "", ...row]) : all);
  const problems = infos.flatMap((info) =>
    info.problems.map(({ path, reason, isSynced }) =>
      oneLine(
        `${isSynced ? "Synced as it is" : "Not synced"}: ${
          JSON.stringify(path)
        } in ${info.root}: ${reason}`,
      ) + "\n"
    )
  );
  return table + problems.join("");
}

function renderConflicts(conflicts: readonly Conflict[]): string {
  return renderTable([
    ["CONFLICT", "TIME", "SIZE", "FILE", "KEPT"],
    ...conflicts.map(({ id, time, size: bytes, local, kept }) => [
      id,
      new Date(time).toISOString(),
      size(bytes),
      local,
      kept,
    ]),
  ]);
}
