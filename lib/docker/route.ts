/**
 * Routes of the Docker Engine API: which operation a request is, with or without the `/v1.xx`
 * prefix. Names are the operation ids of the Engine API reference (1.24 to 1.51).
 */
import type { Lane } from "../transport/transport.ts";

/** A recognised request. */
export interface Route {
  /** Operation id, such as `ContainerCreate`. */
  name: RouteName;
  /** The API version of the path, such as `1.41`; absent for an unversioned path. */
  version: string | undefined;
  /** Decoded path parameters, such as `{ id: "web" }`. */
  params: Readonly<Record<string, string>>;
  query: URLSearchParams;
  /** Where its bytes should travel. */
  lane: Lane;
}

/**
 * Method, path template, operation id. `{id}` stands for one segment, `{name+}` for one or more
 * (image names contain slashes); `bulk` marks requests that carry whole file systems either way.
 */
const TABLE = [
  ["GET", "/_ping", "SystemPing"],
  ["HEAD", "/_ping", "SystemPingHead"],
  ["GET", "/info", "SystemInfo"],
  ["GET", "/version", "SystemVersion"],
  ["GET", "/events", "SystemEvents"],
  ["GET", "/system/df", "SystemDataUsage"],
  ["POST", "/auth", "SystemAuth"],
  ["POST", "/session", "Session"],
  ["POST", "/grpc", "Grpc"],

  ["GET", "/containers/json", "ContainerList"],
  ["POST", "/containers/create", "ContainerCreate"],
  ["POST", "/containers/prune", "ContainerPrune"],
  ["GET", "/containers/{id}/json", "ContainerInspect"],
  ["GET", "/containers/{id}/top", "ContainerTop"],
  ["GET", "/containers/{id}/logs", "ContainerLogs"],
  ["GET", "/containers/{id}/changes", "ContainerChanges"],
  ["GET", "/containers/{id}/export", "ContainerExport", "bulk"],
  ["GET", "/containers/{id}/stats", "ContainerStats"],
  ["GET", "/containers/{id}/attach/ws", "ContainerAttachWebsocket"],
  ["POST", "/containers/{id}/attach", "ContainerAttach"],
  ["POST", "/containers/{id}/resize", "ContainerResize"],
  ["POST", "/containers/{id}/start", "ContainerStart"],
  ["POST", "/containers/{id}/stop", "ContainerStop"],
  ["POST", "/containers/{id}/restart", "ContainerRestart"],
  ["POST", "/containers/{id}/kill", "ContainerKill"],
  ["POST", "/containers/{id}/update", "ContainerUpdate"],
  ["POST", "/containers/{id}/rename", "ContainerRename"],
  ["POST", "/containers/{id}/pause", "ContainerPause"],
  ["POST", "/containers/{id}/unpause", "ContainerUnpause"],
  ["POST", "/containers/{id}/wait", "ContainerWait"],
  ["DELETE", "/containers/{id}", "ContainerDelete"],
  ["HEAD", "/containers/{id}/archive", "ContainerArchiveInfo"],
  ["GET", "/containers/{id}/archive", "ContainerArchive", "bulk"],
  ["PUT", "/containers/{id}/archive", "PutContainerArchive", "bulk"],
  ["POST", "/containers/{id}/exec", "ContainerExec"],
  ["POST", "/exec/{id}/start", "ExecStart"],
  ["POST", "/exec/{id}/resize", "ExecResize"],
  ["GET", "/exec/{id}/json", "ExecInspect"],

  ["GET", "/images/json", "ImageList"],
  ["POST", "/images/create", "ImageCreate"],
  ["POST", "/images/load", "ImageLoad", "bulk"],
  ["GET", "/images/get", "ImageGetAll", "bulk"],
  ["POST", "/images/prune", "ImagePrune"],
  ["GET", "/images/search", "ImageSearch"],
  ["GET", "/images/{name+}/get", "ImageGet", "bulk"],
  ["GET", "/images/{name+}/json", "ImageInspect"],
  ["GET", "/images/{name+}/history", "ImageHistory"],
  ["POST", "/images/{name+}/push", "ImagePush"],
  ["POST", "/images/{name+}/tag", "ImageTag"],
  ["DELETE", "/images/{name+}", "ImageDelete"],
  ["GET", "/distribution/{name+}/json", "DistributionInspect"],
  ["POST", "/commit", "ImageCommit"],
  ["POST", "/build", "ImageBuild", "bulk"],
  ["POST", "/build/prune", "BuildPrune"],
  ["POST", "/build/cancel", "BuildCancel"],

  ["GET", "/networks", "NetworkList"],
  ["POST", "/networks/create", "NetworkCreate"],
  ["POST", "/networks/prune", "NetworkPrune"],
  ["GET", "/networks/{id}", "NetworkInspect"],
  ["DELETE", "/networks/{id}", "NetworkDelete"],
  ["POST", "/networks/{id}/connect", "NetworkConnect"],
  ["POST", "/networks/{id}/disconnect", "NetworkDisconnect"],

  ["GET", "/volumes", "VolumeList"],
  ["POST", "/volumes/create", "VolumeCreate"],
  ["POST", "/volumes/prune", "VolumePrune"],
  ["GET", "/volumes/{name}", "VolumeInspect"],
  ["DELETE", "/volumes/{name}", "VolumeDelete"],
] as const satisfies readonly (readonly [string, string, string, Lane?])[];

/** An operation id of the table. */
export type RouteName = typeof TABLE[number][2];

interface Pattern {
  method: string;
  name: RouteName;
  expression: RegExp;
  lane: Lane;
}

const PATTERNS = byFirstSegment();
/** As the engine's router has it: it takes `v1.41.0` for `v1.41`, and says what is wrong with `v1`. */
const VERSION = /^\/v([0-9.]+)(?=\/)/;
const ABSOLUTE_FORM = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*/i;

/**
 * The operation that `method` and the request target `target` name, or `undefined` for what the
 * table does not know. The path is matched after percent-decoding, since the engine routes on the
 * decoded path too.
 */
export function matchRoute(method: string, target: string): Route | undefined {
  const found = apiPath(target);
  if (found === undefined) return undefined;
  const { path, version, search } = found;
  const match = matchPath(method, path);
  if (match === undefined) return undefined;
  const { name, params, lane } = match;
  return { name, version, params, query: new URLSearchParams(search), lane };
}

/** The operation of a path that is decoded and has no API version in front. */
export function matchPath(
  method: string,
  path: string,
): Pick<Route, "name" | "params" | "lane"> | undefined {
  for (const pattern of PATTERNS.get(path.split("/", 2)[1] ?? "") ?? []) {
    if (pattern.method !== method) continue;
    const match = pattern.expression.exec(path);
    if (match === null) continue;
    return { name: pattern.name, params: { ...match.groups }, lane: pattern.lane };
  }
  return undefined;
}

/** The path of a request target, decoded and without its API version; nothing if malformed. */
export function apiPath(
  target: string,
): { path: string; version: string | undefined; search: string } | undefined {
  const [rawPath = "", search = ""] = splitOnce(target.replace(ABSOLUTE_FORM, ""), "?");
  const decoded = decodePath(rawPath);
  if (decoded === undefined) return undefined;
  const version = VERSION.exec(decoded)?.[1];
  const path = version === undefined ? decoded : decoded.slice(version.length + 2);
  return { path, version, search };
}

/** What matches the paths of a template, as the table above has them. */
export function templatePattern(template: string): RegExp {
  const literal = (text: string) => text.replaceAll(/[.*+?^$()|[\]\\]/g, "\\$&");
  const source = literal(template).replace(
    /\{(\w+)(\\\+)?\}/g,
    (_, param: string, many?: string) => {
      return many === undefined ? `(?<${param}>[^/]+)` : `(?<${param}>.+)`;
    },
  );
  return new RegExp(`^${source}$`);
}

function byFirstSegment(): Map<string, Pattern[]> {
  const map = new Map<string, Pattern[]>();
  for (const [method, template, name, lane = "interactive"] of TABLE) {
    const first = template.split("/", 2)[1] ?? "";
    const list = map.get(first) ?? [];
    list.push({ method, name, expression: templatePattern(template), lane });
    map.set(first, list);
  }
  return map;
}

function decodePath(path: string): string | undefined {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    // A malformed escape: the engine refuses it, so it is nobody's route.
    return undefined;
  }
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ""] : [text.slice(0, at), text.slice(at + separator.length)];
}
