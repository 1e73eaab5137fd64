/**
 * `forwards`: the local ports of the programs of this user that run now, as a table or as JSON.
 * Changes nothing; the programs are found by their private sockets.
 */
import { runtimeFolders } from "../../config/paths.ts";
import type { Values } from "../../config/schema.ts";
import { askForwards } from "../../ops/ask.ts";
import type { Forwards } from "../../ops/forwards.ts";
import type { ForwardDetails } from "../../ops/sources/source.ts";
import type { System } from "../system.ts";
import { renderTable } from "../table.ts";
import { nobody, size } from "./status.ts";

const HEAD = ["CONTAINER", "REQUESTED", "LOCAL", "REMOTE", "CONNECTIONS", "SENT", "RECEIVED"];

/** What stands in the place of a request where nothing has been requested of Docker. */
const KINDS: Readonly<Partial<Record<ForwardDetails["kind"], string>>> = {
  host: "host network",
  bridge: "bridge",
  reverse: "reverse",
};

/** Asks all programs that run. */
export type Ask = (directories: readonly string[]) => Promise<Forwards[]>;

/** Returns the exit code 0. Throws `AgentError` of kind `unreachable` when none runs. */
export async function runForwards(
  { json }: Pick<Values, "json">,
  system: System,
  ask: Ask = askForwards,
): Promise<number> {
  const found = await ask(runtimeFolders(system.place));
  if (json) system.out(JSON.stringify(found, null, 2) + "\n");
  if (found.length === 0) throw nobody(system);
  if (!json) system.out(renderForwards(found));
  return 0;
}

/** The table for people: one for each program, with a heading when there are several. */
export function renderForwards(found: readonly Forwards[]): string {
  const tables = found.map(({ pid, hosts, forwards }) => {
    const heading = found.length > 1 ? `${hosts.join(", ")} (process ${pid})\n` : "";
    const named = forwards.some(({ host }) => host !== undefined);
    const rows = [[...HEAD, "STATE"], ...forwards.map(rowOf)];
    const owners = ["HOST", ...forwards.map(({ host = "-" }) => host)];
    return heading + renderTable(named ? rows.map((row, at) => [owners[at] ?? "", ...row]) : rows);
  });
  return tables.join("\n");
}

function rowOf(forward: ForwardDetails): string[] {
  const { container, container_id, requested, remote, connections, bytes } = forward;
  const local = [forward.local, forward.local_twin ?? []].flat().join(", ");
  return [
    container === "" ? container_id.slice(0, 12) : container,
    KINDS[forward.kind] ?? requested,
    local,
    remote === "" ? "-" : remote,
    `${connections.open} of ${connections.total}`,
    size(bytes.sent),
    size(bytes.received),
    forward.state,
  ];
}
