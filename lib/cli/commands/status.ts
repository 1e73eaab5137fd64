/**
 * `status`: what the programs of this user that run now are doing, once or again and again. Changes
 * nothing; the programs are found by their private sockets.
 */
import { runtimeFolders } from "../../config/paths.ts";
import type { Values } from "../../config/schema.ts";
import { AgentError, EXIT_CODES } from "../../errors.ts";
import { oneLine } from "../../log.ts";
import { askAll } from "../../ops/ask.ts";
import type { Status } from "../../ops/status.ts";
import type { System } from "../system.ts";
import { sleep } from "../../system/sleep.ts";

const WATCH_EVERY_MS = 2_000;
/** Moves the cursor home and clears the screen (ECMA-48). */
const CLEAR = "\x1b[H\x1b[2J";

/** Asks all programs that run. */
export type Ask = (directories: readonly string[]) => Promise<Status[]>;

/**
 * Returns the exit code: 0 when all that run are healthy, 8 when one is degraded. Throws
 * `AgentError` of kind `unreachable` when none runs, unless it goes on watching.
 */
export async function runStatus(
  { json, watch }: Pick<Values, "json" | "watch">,
  system: System,
  ask: Ask = askAll,
): Promise<number> {
  const directories = runtimeFolders(system.place);
  if (watch) return await watchStatus(directories, json, system, ask);
  const found = await ask(directories);
  if (json) system.out(JSON.stringify(found, null, 2) + "\n");
  if (found.length === 0) throw nobody(system);
  if (!json) system.out(found.map(renderStatus).join("\n"));
  return found.every(({ status }) => status === "healthy") ? 0 : EXIT_CODES.lost;
}

async function watchStatus(
  directories: readonly string[],
  json: boolean,
  system: System,
  ask: Ask,
): Promise<number> {
  const stop = new AbortController();
  const unwatch = system.onSignal(() => stop.abort());
  try {
    while (!stop.signal.aborted) {
      const found = await ask(directories);
      if (json) system.out(JSON.stringify(found) + "\n");
      else {
        const text = found.map(renderStatus).join("\n") || `${nobody(system).message}.\n`;
        system.out((system.outIsTerminal === true ? CLEAR : "") + text);
      }
      await sleep(WATCH_EVERY_MS, stop.signal);
    }
    return 0;
  } finally {
    unwatch();
  }
}

/** Nothing is there to be asked. */
export function nobody({ place }: System): AgentError {
  if (runtimeFolders(place).length === 0) {
    return new AgentError("config", "Cannot tell which programs run: there is no home directory", {
      hint: "set HOME, XDG_STATE_HOME or XDG_RUNTIME_DIR as for the program",
    });
  }
  return new AgentError("unreachable", "No remote-docker-agent is running for this user", {
    hint: "start one: remote-docker-agent --ssh-host [USER@]HOST",
  });
}

/** One program for people; ends with a newline. */
export function renderStatus(status: Status): string {
  const { connections, bytes, errors } = status;
  const limit = connections.limit === 0 ? "" : `, at most ${connections.limit} at a time`;
  const rows: (readonly [string, string])[] = [
    ...status.problems.map((problem) => ["Problem", problem] as const),
    ...status.listening.map((address) => ["Listening on", address] as const),
    ...status.hosts.map((host) => ["Host", hostText(host)] as const),
    [
      "Connections",
      `${connections.active} active, ${connections.waiting} waiting, ` +
      `${connections.total} served${limit}`,
    ],
    ["Transferred", `${size(bytes.read)} from clients, ${size(bytes.written)} to them`],
    ["Errors", `${errors.total} (${errors.connection} connection, ${errors.socket} socket)`],
    ...(errors.last === "" ? [] : [["Last error", errors.last] as const]),
    ...status.operations.slice(0, 5).map((each) => ["Requests", operationText(each)] as const),
    ...status.forwards.map((each) =>
      ["Port", `${each.local} to ${placeOf(each, each.target)}, ${each.state}`] as const
    ),
    ...status.syncs.map((each) =>
      ["Folder", `${each.local} to ${placeOf(each, each.remote)}, ${each.state}`] as const
    ),
  ];
  const head =
    `remote-docker-agent ${status.version} (${status.command}, process ${status.pid}): ` +
    `${status.status}, up ${status.uptime}`;
  return [head, ...alignRows(rows)].join("\n") + "\n";
}

/** What it is on its host, with the name of that if it has one. */
function placeOf({ host }: { readonly host?: string }, text: string): string {
  return host === undefined ? text : `${text} on ${host}`;
}

/** A term is written once for the rows that share it. */
function alignRows(rows: readonly (readonly [string, string])[]): string[] {
  return rows.map(([term, text], at) => {
    const shown = rows[at - 1]?.[0] === term ? "" : term;
    return `  ${shown.padEnd(13)} ${oneLine(text)}`;
  });
}

function hostText(host: Status["hosts"][number]): string {
  const rtt = host.rtt_ms === null ? "" : `, round trip ${host.rtt_ms} ms`;
  const error = host.last_error === "" ? "" : `, last error: ${host.last_error}`;
  const times = host.reconnects === 1 ? "once" : `${host.reconnects} times`;
  const name = host.name === host.address ? host.name : `${host.name} (${host.address})`;
  // Running programs of an earlier version do not tell it.
  const limits = host.limits === undefined ? "" : `; ports wait for a guest: ${host.limits}`;
  return `${name} is ${host.state} since ${host.since}${rtt}, reconnected ${times}${error}${limits}`;
}

function operationText(operation: Status["operations"][number]): string {
  const failed = operation.errors === 0 ? "" : `, ${operation.errors} refused`;
  return `${operation.operation}: ${operation.count}${failed}, ` +
    `average ${operation.average_ms} ms, 95 % within ${operation.p95_ms} ms`;
}

/** A number of bytes for people. */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let count = bytes, unit = 0;
  for (; count >= 1000 && unit < units.length - 1; unit++) count /= 1000;
  return `${unit === 0 ? count : count.toFixed(1)} ${units[unit]}`;
}
