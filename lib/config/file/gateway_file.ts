/**
 * Reads the file of `--gateway-config`: listening address and certificates, hosts, clients and their
 * rights, limits. The format is described in docs/mtls.md. Nothing is resolved, opened or dialed here.
 */
import type { Node } from "yaml";
import {
  DEFAULT_LIMITS,
  type Endpoint,
  type GatewayConfig,
  type GatewayLimits,
  type HostConfig,
} from "../../gateway/config.ts";
import { parseEndpoint, parseHostName, parseTcpListen } from "../../gateway/endpoint.ts";
import {
  ACCESS_PRESETS,
  type AccessPreset,
  allowedRoute,
  type ClientRule,
  namePattern,
  uriPattern,
} from "../../gateway/rights.ts";
import { GUEST_RIGHTS, type GuestRight } from "../../gateway/target.ts";
import type { IdentityFiles } from "../../net/tls/files.ts";
import { LineCounter } from "yaml";
import { AgentError } from "../../errors.ts";
import { fault, parse, throwIt } from "./file.ts";
import { type Place, resolvePath } from "../paths.ts";
import { nearest } from "../suggest.ts";
import { quote, readDuration } from "../values.ts";
import { PlainError, YamlMap } from "./yaml_map.ts";

const ROOT_KEYS = ["listen", "cert", "key", "client_ca", "hosts", "clients", "limits"];
const HOST_KEYS = [
  ...["engine", "guest", "guest_token_file", "ca", "cert", "key"],
  ...["ssh_key", "ssh_known_hosts", "ssh_config"],
];
const NO_SSH = "no address begins with ssh://";
const NO_TLS = "no address begins with tls:// or https://";
/** Keys of a host that are for one kind of address, and what is said where there is none. */
const USES: readonly (readonly [key: string, kind: Endpoint["kind"], why: string])[] = [
  ["ssh_key", "ssh", NO_SSH],
  ["ssh_known_hosts", "ssh", NO_SSH],
  ["ssh_config", "ssh", NO_SSH],
  ["cert", "tls", NO_TLS],
  ["ca", "tls", NO_TLS],
];
const CLIENT_KEYS = ["name", "spiffe", "fingerprint", "hosts", "access", "allow", "guest"];
const LIMIT_KEYS: Readonly<Record<string, keyof GatewayLimits>> = {
  connections: "connections",
  connections_per_client: "connectionsPerClient",
  requests_per_second: "requestsPerSecond",
  handshake_timeout: "handshakeMs",
  header_timeout: "headerMs",
  idle_timeout: "idleMs",
  body_timeout: "bodyMs",
  write_timeout: "writeMs",
};

export const DEFAULT_LISTEN = "0.0.0.0:443";

/** What flags and variables say, which come before the file. */
export interface GatewayDefaults {
  readonly listen?: string;
  readonly identity: IdentityFiles | undefined;
  readonly caFile: string | undefined;
}

/** Where the text comes from. */
export interface GatewayFile {
  readonly text: string;
  readonly path: string;
  /** Relative paths start here. */
  readonly base: string;
}

/** Throws `AgentError` of kind `config` with `path:line:column`. */
export function readGatewayFile(
  { text, path, base }: GatewayFile,
  defaults: GatewayDefaults,
  place: Place,
): GatewayConfig {
  const source = { path, base, lines: new LineCounter(), report: throwIt };
  const node: Node | null = parse(text, source);
  if (node === null) throw new AgentError("config", `Cannot read ${path}: it is empty`);
  const root = new YamlMap(source, node, ROOT_KEYS);
  const file = (name: string) => resolvePath(name, base, place);
  const written = { identity: identityOf(root, file), authorities: root.texts("client_ca", file) };
  const identity = defaults.identity ?? written.identity;
  const { caFile } = defaults;
  const authorityFiles = caFile === undefined ? written.authorities : [caFile];
  if (identity === undefined || authorityFiles.length === 0) {
    throw fault(source, node, 'Missing "cert", "key" or "client_ca"', "give all three");
  }
  const hosts = new Map(
    root.named("hosts", HOST_KEYS, (name, map): [string, HostConfig] => [
      parseHostName(name),
      hostOf(map, file),
    ]),
  );
  if (hosts.size === 0) throw root.fault("hosts", "There are no hosts");
  return {
    listen: listenOf(root, defaults.listen),
    identity,
    authorityFiles,
    hosts,
    rules: root.list("clients", CLIENT_KEYS).map(ruleOf),
    limits: limitsOf(root),
  };
}

function listenOf(root: YamlMap, asked: string | undefined) {
  const written = root.text("listen", parseTcpListen);
  if (asked !== undefined) return parseTcpListen(asked);
  return written ?? parseTcpListen(DEFAULT_LISTEN);
}

type ReadFile = (name: string) => string;

function identityOf(map: YamlMap, file: ReadFile): IdentityFiles | undefined {
  const certFile = map.text("cert", file);
  const keyFile = map.text("key", file);
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile === undefined && keyFile === undefined) return undefined;
  const [given, missing] = certFile === undefined ? ["key", "cert"] : ["cert", "key"];
  throw map.fault(given, `Missing "${missing}", which "${given}" needs`);
}

function hostOf(map: YamlMap, file: ReadFile): HostConfig {
  const identity = identityOf(map, file);
  const caFile = map.text("ca", file);
  const sshKey = map.text("ssh_key", file);
  const sshKnownHosts = map.text("ssh_known_hosts", file);
  const sshConfig = map.text("ssh_config", (name) => name === "none" ? name : file(name));
  const extras = {
    ...(identity === undefined ? {} : { identity }),
    ...(caFile === undefined ? {} : { caFile }),
    ...(sshKey === undefined ? {} : { sshKey }),
    ...(sshKnownHosts === undefined ? {} : { sshKnownHosts }),
    ...(sshConfig === undefined ? {} : { sshConfig }),
  };
  const engine = map.text("engine", (text) => parseEndpoint(text, "engine", extras));
  const guest = map.text("guest", (text) => parseEndpoint(text, "guest", extras));
  if (engine === undefined && guest === undefined) {
    throw map.fault(undefined, "A host has an engine or a guest, or both");
  }
  refuseUseless(map, [engine, guest]);
  const guestTokenFile = map.text("guest_token_file", file);
  return {
    ...(engine === undefined ? {} : { engine }),
    ...(guest === undefined ? {} : { guest }),
    ...(guestTokenFile === undefined ? {} : { guestTokenFile }),
  };
}

function refuseUseless(map: YamlMap, [engine, guest]: readonly (Endpoint | undefined)[]): void {
  const useless = (key: string, why: string) =>
    map.fault(key, `"${key}" is of no use: ${why}`, "leave it out");
  for (const [key, kind, why] of USES) {
    if (map.has(key) && engine?.kind !== kind && guest?.kind !== kind) throw useless(key, why);
  }
  if (map.has("guest_token_file") && guest === undefined) {
    throw useless("guest_token_file", "there is no guest");
  }
}

function ruleOf(map: YamlMap): ClientRule {
  const names = map.texts("name", (text) => namePattern(plain(text)));
  const uris = map.texts("spiffe", (text) => {
    if (!text.startsWith("spiffe://")) throw new PlainError("a SPIFFE ID begins with spiffe://");
    return uriPattern(plain(text));
  });
  const fingerprints = map.texts("fingerprint", (text) => {
    const digits = text.replaceAll(":", "").toLowerCase();
    if (/^[0-9a-f]{64}$/.test(digits)) return digits;
    throw new PlainError("a fingerprint is the SHA-256 of a certificate, 64 hex digits");
  });
  if (names.length + uris.length + fingerprints.length === 0) {
    throw map.fault(undefined, 'A client has a "name", "spiffe" or "fingerprint"');
  }
  const hosts = map.texts("hosts", (text) => namePattern(plain(text)));
  if (hosts.length === 0) throw map.fault(undefined, 'A client has "hosts" that it may use');
  if (!["access", "allow", "guest"].some((key) => map.has(key))) {
    throw map.fault(undefined, 'A client has "access", "allow" or "guest", what it may do');
  }
  return {
    names,
    uris,
    fingerprints,
    hosts,
    access: map.text("access", (text) => wordOf(text, ACCESS_PRESETS)) ?? "none",
    allow: map.texts("allow", (text) => {
      const route = allowedRoute(text);
      if (route !== undefined) return route;
      throw new PlainError(
        `${quote(text)} is not a route`,
        'write "METHOD /path", such as "POST /containers/{id}/restart"',
      );
    }),
    guest: new Set(map.texts("guest", guestRights).flat()),
  };
}

function guestRights(text: string): readonly GuestRight[] {
  const word = wordOf(text, [...GUEST_RIGHTS, "all", "none"]);
  return word === "all" ? GUEST_RIGHTS : word === "none" ? [] : [word];
}

/** A rule of flags: everything, or looking, at one host. */
export function simpleRule(
  clients: readonly string[],
  host: string,
  access: AccessPreset,
): ClientRule {
  const isUri = (text: string) => text.startsWith("spiffe://");
  return {
    names: clients.filter((text) => !isUri(text)).map(namePattern),
    uris: clients.filter(isUri).map(uriPattern),
    fingerprints: [],
    hosts: [namePattern(host)],
    access,
    allow: [],
    guest: new Set(access === "full" ? GUEST_RIGHTS : []),
  };
}

function limitsOf(root: YamlMap): GatewayLimits {
  const limits = { ...DEFAULT_LIMITS };
  const map = root.map("limits", Object.keys(LIMIT_KEYS));
  for (const [key, name] of Object.entries(LIMIT_KEYS)) {
    const read = name.endsWith("Ms") ? readTimeout : readCount;
    limits[name] = map?.text(key, read) ?? limits[name];
  }
  return limits;
}

function readTimeout(text: string): number {
  const ms = readDuration(text);
  if (ms >= 1 && ms <= 24 * 3_600_000) return ms;
  throw new PlainError("expected a duration up to 24h");
}

function readCount(text: string): number {
  const count = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (count > 0) return count;
  throw new PlainError("expected a whole number from 1 to 999999");
}

function wordOf<T extends string>(text: string, words: readonly T[]): T {
  const word = words.find((each) => each === text);
  if (word !== undefined) return word;
  const near = nearest(text, words);
  const list = words.join(", ").replace(/, (?=[^,]*$)/, " or ");
  throw new PlainError(
    `expected ${list}${near === undefined ? "" : ` (did you mean ${near}?)`}`,
  );
}

/** A lone `*` would be everybody whose name has no dots, which is hardly ever meant so. */
function plain(text: string): string {
  if (/^[\x21-\x7e]+$/.test(text) && !/^\*+$/.test(text)) return text;
  throw new PlainError(`${quote(text)} is not a name or a pattern of one`);
}
