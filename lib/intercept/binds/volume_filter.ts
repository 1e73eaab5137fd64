/**
 * The filter `volume=` of the container list. The engine compares it with names of volumes, targets and
 * sources of mounts; where it names a path of this machine, the remote copies of that path are added,
 * and any one of the values is enough for the engine. Pure.
 */
import { localSource, type Platform, relativeTo, remotePath } from "../../sync/core/path_map.ts";
import type { SyncInfo } from "../../sync/types.ts";
import { filtersOf, valuesOf } from "../list_filters.ts";
import type { BoundContainer } from "./bound_container.ts";
import { cleanTarget } from "./label.ts";

/** What is known here of mounts. */
export interface KnownMounts {
  readonly sessions: readonly Pick<SyncInfo, "root" | "remotePath">[];
  readonly containers: readonly Pick<BoundContainer, "mounts">[];
  readonly platform: Platform;
}

/** The query to be sent instead; nothing if it asks for no path that is mounted from here. */
export function widenVolumeFilter(
  query: URLSearchParams,
  known: KnownMounts,
): URLSearchParams | undefined {
  const filters = filtersOf(query);
  const asked = valuesOf(filters?.["volume"]);
  const copies = asked.flatMap((path) => copiesOf(path, known));
  if (filters === undefined || copies.length === 0) return undefined;
  const wider = new URLSearchParams(query);
  wider.set("filters", JSON.stringify({ ...filters, volume: [...new Set([...asked, ...copies])] }));
  return wider;
}

function copiesOf(asked: string, { sessions, containers, platform }: KnownMounts): string[] {
  if (!/^([\\/]|[A-Za-z]:[\\/])/.test(asked)) return [];
  const copies: string[] = [];
  for (const { mounts } of containers) {
    for (const { source, remote } of mounts) {
      if (source === asked || cleanTarget(source) === cleanTarget(asked)) copies.push(remote);
    }
  }
  const local = localSource(asked, platform);
  for (const { root, remotePath: remote } of sessions) {
    const below = relativeTo(root, local, platform);
    if (below !== undefined) copies.push(remotePath(remote, below));
  }
  return copies;
}
