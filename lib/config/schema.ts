/**
 * The one table of options. Flags, environment, configuration file, `--help` and the reference in
 * `docs/configuration.md` all come from it: an option is one row in a file of `options/`.
 */
import { type CommandName, commandSpec } from "./commands.ts";
import type { OptionSpec, ValueOf } from "./option.ts";
import { BRIDGE_OPTIONS } from "./options/bridge.ts";
import { CONNECTION_OPTIONS } from "./options/connection.ts";
import { EVENTS_OPTIONS } from "./options/events.ts";
import { CERTS_OPTIONS } from "./options/certs.ts";
import { GATEWAY_OPTIONS } from "./options/gateway.ts";
import { HOSTS_OPTIONS } from "./options/hosts.ts";
import { MTLS_OPTIONS } from "./options/mtls.ts";
import { GUEST_OPTIONS } from "./options/guest.ts";
import { OPERATION_OPTIONS } from "./options/operation.ts";
import { PORTS_OPTIONS } from "./options/ports.ts";
import { RELAY_OPTIONS } from "./options/relay.ts";
import { SYNC_OPTIONS } from "./options/sync.ts";
import { UPGRADE_OPTIONS } from "./options/upgrade.ts";

/** Every option, in the order of the help. */
export const OPTIONS = {
  ...CONNECTION_OPTIONS,
  ...HOSTS_OPTIONS,
  ...MTLS_OPTIONS,
  ...PORTS_OPTIONS,
  ...BRIDGE_OPTIONS,
  ...SYNC_OPTIONS,
  ...RELAY_OPTIONS,
  ...GATEWAY_OPTIONS,
  ...CERTS_OPTIONS,
  ...GUEST_OPTIONS,
  ...OPERATION_OPTIONS,
  ...EVENTS_OPTIONS,
  ...UPGRADE_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export type OptionName = keyof typeof OPTIONS;

/** Every value, typed after the table. */
export type Values = { readonly [N in OptionName]: ValueOf<typeof OPTIONS[N]> };

/** The names in the order of the table. */
export const OPTION_NAMES = Object.keys(OPTIONS) as OptionName[];

/** Whether a command takes an option; some take all those of other commands. */
export function takes(command: CommandName, name: OptionName): boolean {
  const { commands } = specOf(name);
  const { startOptions, optionsOf = [] } = commandSpec(command);
  const others = startOptions === true ? ["start", ...optionsOf] : optionsOf;
  return commands.includes(command) || commands.some((other) => others.includes(other));
}

/** A row of the table, widened for code that treats all rows alike. */
export function specOf(name: OptionName): OptionSpec {
  return OPTIONS[name];
}

/** Values that only the environment may carry, because arguments and files are read by others. */
export const SECRETS = [
  { env: "RDA_SSH_PASSPHRASE", help: "Passphrase of an encrypted private key" },
] as const;
