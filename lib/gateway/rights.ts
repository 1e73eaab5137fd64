/**
 * Who may do what, as data: rules that name certificates, hosts and routes. Pure. What no rule allows
 * is refused; several rules for one client add up.
 */
import { matchPath, type RouteName, templatePattern } from "../docker/route.ts";
import type { ClientIdentity } from "./identity.ts";
import type { GuestRight } from "./target.ts";

/** Presets of routes. */
export const ACCESS_PRESETS = ["full", "read-only", "none"] as const;
export type AccessPreset = typeof ACCESS_PRESETS[number];

/** One route of a list: a method, or `*` for any, and a template as in `/containers/{id}/json`. */
export interface AllowedRoute {
  readonly method: string;
  readonly path: RegExp;
  /** Its last segment is `{x}`: a name, and none of the API's own words. */
  readonly endsInName: boolean;
}

/** One rule. It is about the clients that match any of `names`, `uris` and `fingerprints`. */
export interface ClientRule {
  /** Patterns of common names and DNS names. */
  readonly names: readonly RegExp[];
  /** Patterns of URIs, such as SPIFFE IDs. */
  readonly uris: readonly RegExp[];
  /** SHA-256 of certificates, as 64 hex digits in lower case. */
  readonly fingerprints: readonly string[];
  /** Patterns of server names. */
  readonly hosts: readonly RegExp[];
  readonly access: AccessPreset;
  readonly allow: readonly AllowedRoute[];
  readonly guest: ReadonlySet<GuestRight>;
}

/**
 * What `read-only` allows: looking at what there is. Not among them: whatever starts or changes
 * something, and the routes that hand out the files of containers and images.
 */
const READ_ONLY: ReadonlySet<RouteName> = new Set<RouteName>([
  "SystemPing",
  "SystemPingHead",
  "SystemInfo",
  "SystemVersion",
  "SystemEvents",
  "SystemDataUsage",
  "ContainerList",
  "ContainerInspect",
  "ContainerTop",
  "ContainerLogs",
  "ContainerChanges",
  "ContainerStats",
  "ExecInspect",
  "ImageList",
  "ImageInspect",
  "ImageHistory",
  "NetworkList",
  "NetworkInspect",
  "VolumeList",
  "VolumeInspect",
]);

/**
 * The routes that end in another protocol, and which. Any other upgrade could lead past the rules: an
 * engine that takes `h2c` on a harmless route would take every further request unseen.
 */
const UPGRADES: Partial<Readonly<Record<RouteName, string>>> = {
  ContainerAttach: "tcp",
  ContainerAttachWebsocket: "websocket",
  ExecStart: "tcp",
  Session: "h2c",
  Grpc: "h2c",
};

/** The rights of one client at one host. */
export class Rights {
  readonly #rules: readonly ClientRule[];

  constructor(rules: readonly ClientRule[]) {
    this.#rules = rules;
  }

  /** Whether the engine may be asked this; `path` is decoded and has no API version in front. */
  engine(method: string, path: string): boolean {
    const match = matchPath(method, path);
    const name = match?.name;
    // `* /volumes/{name}` is about volumes: `POST /volumes/create` is another route.
    const isWord = match !== undefined && Object.keys(match.params).length === 0;
    return this.#rules.some(({ access, allow }) =>
      access === "full" ||
      (access === "read-only" && name !== undefined && READ_ONLY.has(name)) ||
      allow.some((route) =>
        (route.method === "*" || route.method === method) && route.path.test(path) &&
        !(isWord && route.endsInName)
      )
    );
  }

  /** Whether a route that is allowed may end in this protocol; who may do everything, may this too. */
  upgrade(method: string, path: string, protocol: string): boolean {
    if (this.#rules.some(({ access }) => access === "full")) return true;
    const name = matchPath(method, path)?.name;
    return name !== undefined && UPGRADES[name] === protocol.toLowerCase();
  }

  guest(right: GuestRight | "info"): boolean {
    return this.#rules.some(({ guest }) => right === "info" ? guest.size > 0 : guest.has(right));
  }
}

/** The rights of a client at a host; nothing if no rule is about the two. */
export function rightsOf(
  rules: readonly ClientRule[],
  client: ClientIdentity,
  host: string,
): Rights | undefined {
  const about = rules.filter((rule) => isAbout(rule, client) && isAboutHost(rule, host));
  return about.length === 0 ? undefined : new Rights(about);
}

/** Whether a rule lets anybody use a host. */
export function isAboutHost({ hosts }: ClientRule, host: string): boolean {
  return matches(hosts, host);
}

function isAbout(rule: ClientRule, client: ClientIdentity): boolean {
  const { commonName, dnsNames, uris, fingerprint } = client;
  const names = commonName === undefined ? dnsNames : [commonName, ...dnsNames];
  return rule.fingerprints.includes(fingerprint) ||
    names.some((name) => matches(rule.names, name)) ||
    uris.some((uri) => matches(rule.uris, uri));
}

function matches(patterns: readonly RegExp[], text: string): boolean {
  return patterns.some((pattern) => pattern.test(text));
}

/**
 * A pattern in which `*` stands for any characters but a dot and a slash: for a label of a host name
 * or a part of one, for a segment of a URI. Names of hosts and of clients are compared without case.
 */
export function namePattern(text: string): RegExp {
  return new RegExp(`^${wildcards(text, "[^./]+")}$`, "i");
}

/** The same for URIs, whose segments may hold dots, and whose case counts. */
export function uriPattern(text: string): RegExp {
  return new RegExp(`^${wildcards(text, "[^/]+")}$`);
}

function wildcards(text: string, any: string): string {
  return text.split("*").map((part) => part.replaceAll(/[.+?^${}()|[\]\\/]/g, "\\$&")).join(any);
}

/** `GET /containers/{id}/json`; nothing if that is not what the text is. */
export function allowedRoute(text: string): AllowedRoute | undefined {
  const match = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|\*) (\/[^\s?#%]*)$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  if (/[{}]/.test(match[2].replaceAll(/\{\w+\+?\}/g, ""))) return undefined;
  const endsInName = /\{\w+\}$/.test(match[2]);
  return { method: match[1], path: templatePattern(match[2]), endsInName };
}
