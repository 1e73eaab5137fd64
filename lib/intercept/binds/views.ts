/**
 * What users see of a container's bind mounts: the sources they asked for, and no label of ours. Pure;
 * edits the engine's JSON in place. A mount is changed only where it really is the one we made: an
 * image can carry the label of another container along.
 */
import { isObject, type Json, type JsonObject } from "../../docker/json_body.ts";
import { BINDS_LABEL, type BoundMount, cleanTarget, decodeBindLabel } from "./label.ts";
import { formatBind, NO_COPY, parseBind, parseVolume } from "./parse.ts";

/** Edits the answer of `ContainerInspect`. */
export function showBindsInspect(value: Json): void {
  if (!isObject(value)) return;
  const mounts = takeLabel(value["Config"]);
  if (mounts.length === 0) return;
  showMountPoints(value["Mounts"], mounts);
  showStartError(value["State"], mounts);
  showLegacyVolumes(value["Volumes"], mounts);
  const host = value["HostConfig"];
  if (isObject(host)) showHostConfig(host, mounts);
}

/** Before API 1.20 there was no `Mounts` but targets and their sources. */
function showLegacyVolumes(volumes: Json | undefined, mounts: readonly BoundMount[]): void {
  if (!isObject(volumes)) return;
  for (const { target, remote, source } of mounts) {
    if (volumes[target] === remote) volumes[target] = source;
  }
}

/** Why the last start failed; the engine says it with the paths that it knows. */
function showStartError(state: Json | undefined, mounts: readonly BoundMount[]): void {
  if (!isObject(state) || typeof state["Error"] !== "string") return;
  state["Error"] = showBindsText(state["Error"], mounts);
}

/** Edits one container of the answer of `ContainerList`, or of the disk usage. */
export function showBindsListItem(item: Json): void {
  if (isObject(item)) showMountPoints(item["Mounts"], takeLabel(item));
}

/** Edits one event: its attributes carry the labels of the container. */
export function showBindsEvent(event: Json): void {
  const actor = isObject(event) ? event["Actor"] : undefined;
  const attributes = isObject(actor) ? actor["Attributes"] : undefined;
  if (isObject(attributes)) delete attributes[BINDS_LABEL];
}

/** A message of the engine with the sources and options that the user knows. */
export function showBindsText(text: string, mounts: readonly BoundMount[]): string {
  const longestFirst = [...mounts].sort((a, b) => b.remote.length - a.remote.length);
  const shown = longestFirst.reduce(
    (all, { remote, source }) => all.replaceAll(remote, source),
    text,
  );
  return mounts.some(({ isVolume }) => isVolume) ? shown.replaceAll(`,${NO_COPY}`, "") : shown;
}

/** Removes our label from the `Labels` of an object and returns what it said. */
function takeLabel(holder: Json | undefined): readonly BoundMount[] {
  const labels = isObject(holder) ? holder["Labels"] : undefined;
  if (!isObject(labels)) return [];
  const request = decodeBindLabel(labels[BINDS_LABEL]);
  delete labels[BINDS_LABEL];
  return request?.mounts ?? [];
}

function showMountPoints(points: Json | undefined, mounts: readonly BoundMount[]): void {
  if (!Array.isArray(points)) return;
  for (const point of points) {
    if (!isObject(point)) continue;
    const isVolume = point["Type"] === "volume";
    if (!isVolume && point["Type"] !== "bind") continue;
    const remote = isVolume ? point["Name"] : point["Source"];
    const source = sourceOf(remote, point["Destination"], mounts);
    if (source !== undefined && isVolume) showAsBind(point, ["Name", "Driver"]);
    // The engine cleans paths here, and only here.
    if (source !== undefined) {
      point["Source"] = source.startsWith("/") ? cleanTarget(source) : source;
    }
  }
}

function showHostConfig(host: JsonObject, mounts: readonly BoundMount[]): void {
  const { Binds, Mounts } = host;
  if (Array.isArray(Binds)) host["Binds"] = Binds.map((entry) => showText(entry, mounts));
  for (const mount of Array.isArray(Mounts) ? Mounts : []) {
    if (!isObject(mount)) continue;
    const isVolume = mount["Type"] === "volume";
    if (!isVolume && mount["Type"] !== "bind") continue;
    const source = sourceOf(mount["Source"], mount["Target"], mounts);
    if (source === undefined) continue;
    if (isVolume) showAsBind(mount, ["VolumeOptions"]);
    mount["Source"] = source;
  }
}

function showAsBind(mount: JsonObject, ofVolumes: readonly string[]): void {
  mount["Type"] = "bind";
  for (const name of ofVolumes) delete mount[name];
}

function showText(entry: Json, mounts: readonly BoundMount[]): Json {
  if (typeof entry !== "string") return entry;
  const volumes = mounts.filter(({ isVolume }) => isVolume === true);
  const spec = parseBind(entry) ??
    volumes.map(({ remote }) => parseVolume(entry, remote)).find((one) => one !== undefined);
  const source = spec && sourceOf(spec.source, spec.target, mounts);
  return spec === undefined || source === undefined ? entry : formatBind({ ...spec, source });
}

function sourceOf(
  remote: Json | undefined,
  target: Json | undefined,
  mounts: readonly BoundMount[],
): string | undefined {
  if (typeof target !== "string") return undefined;
  const clean = cleanTarget(target);
  return mounts.find((mount) => mount.remote === remote && mount.target === clean)?.source;
}
