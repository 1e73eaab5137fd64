/**
 * What an option is: the shape of one row of the table in `schema.ts`, the types that follow from a
 * row, and the names derived from it. Also {@link Origin}, which every value carries to the end.
 */
import type { ListenPurpose } from "../net/address.ts";
import type { CommandName } from "./commands.ts";

/** The headings of `--help` and of the reference, in order. */
export const GROUPS = [
  "General",
  "Listening",
  "Hosts",
  "SSH",
  "mTLS",
  "TS tunnel",
  "Ports",
  "Bridge",
  "Sync",
  "Relay server",
  "Relay",
  "Keys",
  "Gateway",
  "Certificates",
  "Guest",
  "Host command",
  "Behaviour",
  "Limits",
  "Operations",
  "Logging",
  "Status",
  "Service",
  "Upgrade",
] as const;

/**
 * How the text of a value is read: `path` is a file name (`~` and relative names are resolved),
 * `duration` becomes milliseconds, `host` is `[user@]name[:port]`, `server` is `name[:port]`, `engine` is a Docker endpoint on
 * the remote host, `listen` a local address, `ip` an IP address, `forward`,
 * `reverse` and `port-rule` are described in `docs/ports.md`, `bind-rule` in `docs/binds.md`,
 * `bridge-rule` in `docs/bridge.md`; `size` becomes bytes.
 */
export type OptionType =
  | "string"
  | "path"
  | "choice"
  | "boolean"
  | "duration"
  | "integer"
  | "host"
  | "server"
  | "engine"
  | "listen"
  | "ip"
  | "forward"
  | "reverse"
  | "port-rule"
  | "bind-rule"
  | "bridge-rule"
  | "size";

/** One row of the table. */
export interface OptionSpec {
  readonly type: OptionType;
  /** The accepted words, for type `choice`. */
  readonly choices?: readonly string[];
  /** May be given several times; the value is a list. */
  readonly many?: true;
  /** For type `listen`: what is suggested for an address that is none. Default: as for an engine. */
  readonly purpose?: ListenPurpose;
  /** A duration may be a plain number, which counts seconds. */
  readonly seconds?: true;
  /** Inclusive bounds: milliseconds for a duration, plain numbers for an integer. */
  readonly min?: number;
  readonly max?: number;
  /** Written as a user would write it, and read by the same code. */
  readonly default?: string;
  /** Said in the help in place of a default that depends on circumstances. */
  readonly defaultNote?: string;
  /** The word `none` is kept as it is; it means that no such file is to be read. */
  readonly none?: true;
  /** One letter that may stand for the flag, as in `-e`. */
  readonly short?: string;
  /** Other flag names, from earlier tools. */
  readonly aliases?: readonly string[];
  /** Other keys in a file, from earlier tools. */
  readonly fileKeys?: readonly string[];
  /** Other environment variables, weaker than the `RDA_` one. */
  readonly env?: readonly string[];
  /** `false`: cannot stand in a file. */
  readonly inFile?: false;
  /** `false`: holds for the whole program, and cannot differ from host to host. */
  readonly perHost?: false;
  /** One sentence, no final period. */
  readonly help: string;
  /** What stands for the value in the help. */
  readonly placeholder?: string;
  readonly group: typeof GROUPS[number];
  readonly commands: readonly CommandName[];
}

type Scalar<S extends OptionSpec> = S["type"] extends "choice"
  ? (S["choices"] extends readonly (infer C)[] ? C : never)
  : S["type"] extends "boolean" ? boolean
  : S["type"] extends "duration" | "integer" | "size" ? number
  : string;

/** The type of the value an option ends up with. */
export type ValueOf<S extends OptionSpec> = S extends { many: true } ? readonly Scalar<S>[]
  : S extends { default: string } ? Scalar<S>
  : Scalar<S> | undefined;

/** From weakest to strongest; `host` is the entry of a remote host in the file. */
const SOURCES = ["default", "file", "host", "environment", "flag"] as const;

/** Where a value comes from. */
export interface Origin {
  readonly source: typeof SOURCES[number];
  /** For messages: `--timeout`, `environment variable RDA_TIMEOUT`, `"timeout" (config.yaml:3:10)`. */
  readonly where: string;
}

/** Greater is stronger. */
export function rankOf(origin: Origin): number {
  return SOURCES.indexOf(origin.source);
}

/** One value as it was found, before it is read. */
export interface Given<Name extends string = string> {
  readonly name: Name;
  readonly text: string;
  readonly origin: Origin;
  /** Directory that relative paths start from. */
  readonly base: string;
}

/** `ssh-host` → `RDA_SSH_HOST`. */
export function envNameOf(name: string): string {
  return `RDA_${name.replaceAll("-", "_").toUpperCase()}`;
}

/** `ssh-host` → `ssh_host`. */
export function fileKeyOf(name: string): string {
  return name.replaceAll("-", "_");
}
