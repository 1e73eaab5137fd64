/** The settings of `guest`, made from the values of the option table; and which of those go together. */
import { AgentError } from "../../errors.ts";
import type { GuestOptions } from "../../guest/guest.ts";
import { GUEST_LIMITS } from "../../guest/limits.ts";
import { type ListenAddress, parseListenAddress } from "../../net/address.ts";
import type { Loaded } from "../load.ts";
import type { Place } from "../paths.ts";
import type { Values } from "../schema.ts";
import { identityOf } from "./identity.ts";

const DEFAULT_PORT = 8080;
/** Beyond loopback only containers get there. */
const DEFAULT_LISTEN = ["tcp:127.0.0.1:*", "tcp:[::1]:*", "tcp:docker0:*"];
const NOWHERE = "none";

/** What settings take from the machine beside its {@link Place}. */
export interface GuestPlace {
  readonly home: string | undefined;
  /** Where temporary files are. */
  readonly temporary: string;
}

/** Where temporary files are, as POSIX has it. */
export function guestPlace({ home, env }: Place): GuestPlace {
  return { home, temporary: env["TMPDIR"] || "/tmp" };
}

/** Throws `AgentError` of kind `usage` or `config`. */
export function guestSettings(loaded: Loaded, place: GuestPlace): GuestOptions {
  const { values, origins } = loaded;
  const identity = identityOf(loaded, { cert: "tls-cert", key: "tls-key" });
  const clientCaFile = values["client-ca"];
  const tokenFile = values["token-file"];
  if (clientCaFile !== undefined && identity === undefined) {
    throw missing("client-ca", "tls-cert and --tls-key");
  }
  const allowedNames = values["allowed-cns"].flatMap((list) => list.split(","))
    .map((name) => name.trim()).filter((name) => name !== "");
  if (allowedNames.length > 0 && clientCaFile === undefined) {
    throw missing("allowed-cns", "client-ca");
  }
  const allowTunnels = tunnelPatterns(values["allow-tunnel"]);
  const allowListen = listenPatterns(values["allow-listen"]);
  return {
    listen: addresses(values, origins.listen.source === "default"),
    allowedNames,
    allowAnonymous: values["dangerously-allow-anonymous"],
    copyRoots: copyRoots(values, place),
    allowTunnels,
    allowListen,
    limits: {
      ...GUEST_LIMITS,
      maxConnections: values["max-connections"],
      maxCommands: values["max-commands"],
      maxCopyBytes: values["max-copy-size"],
    },
    ...(identity !== undefined && { identity }),
    ...(clientCaFile !== undefined && { clientCaFile }),
    ...(tokenFile !== undefined && { tokenFile }),
  };
}

function missing(given: string, needed: string): AgentError {
  return new AgentError("usage", `Cannot use --${given} without --${needed}`, {
    hint: `give --${needed} as well`,
  });
}

/** `--port` is short for a port of this machine alone. */
function addresses(values: Values, isDefault: boolean): readonly ListenAddress[] {
  const { listen, port } = values;
  const implied: ListenAddress = { kind: "tcp", host: "127.0.0.1", port: port ?? DEFAULT_PORT };
  if (isDefault) return [implied];
  const named = listen.map((text) => parseListenAddress(text));
  return port === undefined ? named : [implied, ...named];
}

function copyRoots(values: Values, { home, temporary }: GuestPlace): readonly string[] {
  const roots = values["copy-root"];
  if (roots.length > 0) return roots;
  return home === undefined ? [temporary] : [home, temporary];
}

function tunnelPatterns(given: readonly string[]): readonly string[] {
  if (given.length === 1 && given[0] === NOWHERE) return [];
  for (const pattern of given) {
    // One without a port, or with a relative path, would never fit.
    if (pattern === "*" || /^(tcp|udp):(.*\*\d*|.+:\d{1,5})$|^unix:[/*]/.test(pattern)) continue;
    throw new AgentError("usage", `Invalid value "${pattern}" for --allow-tunnel`, {
      hint:
        "write tcp:HOST:PORT, udp:HOST:PORT or unix:/PATH, with * for any characters, or none alone",
    });
  }
  return given;
}

function listenPatterns(given: readonly string[]): readonly string[] {
  if (given.length === 0) return DEFAULT_LISTEN;
  if (given.length === 1 && given[0] === NOWHERE) return [];
  for (const pattern of given) {
    if (pattern === "*" || /^tcp:.+:(\d{1,5}|\d*\*\d*)$/.test(pattern)) continue;
    throw new AgentError("usage", `Invalid value "${pattern}" for --allow-listen`, {
      hint:
        "write tcp:ADDRESS:PORT or tcp:INTERFACE:PORT, with * for any characters, or none alone",
    });
  }
  return given;
}
