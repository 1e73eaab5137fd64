/**
 * Flags that could have no effect beside others: who types one wants something of it, and is told that
 * it will not happen. Variables and files may say more than one command uses.
 */
import { AgentError } from "../errors.ts";
import type { Origin } from "./option.ts";
import type { OptionName, Values } from "./schema.ts";

type Origins = Readonly<Record<OptionName, Origin>>;

/** Options that mean nothing where another one has a certain value. */
interface Conflict {
  readonly idle: readonly OptionName[];
  readonly by: OptionName;
  readonly holds: (values: Values) => boolean;
  readonly why: string;
}

/** Options that mean nothing without one of others. */
interface Need {
  readonly idle: readonly OptionName[];
  readonly oneOf: readonly OptionName[];
}

const OF_PORTS = ["publish-address", "ports", "forward-foreign"] as const;
const OF_BINDS = ["binds", "sync-root", "sync-max-size", "sync-ignore", "sync-gitignore"] as const;

const CONFLICTS: readonly Conflict[] = [
  {
    idle: ["publish-mode", ...OF_PORTS, "sync-mode", ...OF_BINDS],
    by: "mode",
    holds: ({ mode }) => mode === "raw",
    why: "raw mode does not look into what it relays",
  },
  {
    idle: OF_PORTS,
    by: "publish-mode",
    holds: (values) => values["publish-mode"] === "off",
    why: "published ports are left alone",
  },
  {
    idle: OF_BINDS,
    by: "sync-mode",
    holds: (values) => values["sync-mode"] === "off",
    why: "no folder is synced",
  },
];

const NEEDS: readonly Need[] = [
  { idle: ["bridge-allow-remote"], oneOf: ["bridge-users"] },
  { idle: ["bridge", "bridge-users"], oneOf: ["socks", "http-proxy"] },
];

/** What is as good as not being asked for. */
const NOTHING: ReadonlySet<unknown> = new Set([false, "off"]);

/** Throws `AgentError` of kind `usage` for the first flag that could have no effect. */
export function checkIdleFlags(values: Values, origins: Origins): void {
  const idleOf = (names: readonly OptionName[]) =>
    names.find((name) => isFlag(origins, name) && !NOTHING.has(values[name]));
  for (const { idle, by, holds, why } of CONFLICTS) {
    if (!holds(values)) continue;
    const flag = idleOf(idle);
    if (flag === undefined) continue;
    throw new AgentError(
      "usage",
      `Cannot use ${origins[flag].where} with ${origins[by].where}: ${why}`,
      { hint: "leave out one of the two" },
    );
  }
  for (const { idle, oneOf } of NEEDS) {
    const flag = idleOf(idle);
    if (flag === undefined || oneOf.some((name) => isGiven(values[name]))) continue;
    const needed = oneOf.map((name) => `--${name}`).join(" or ");
    throw new AgentError("usage", `Cannot use ${origins[flag].where} without ${needed}`, {
      hint: `give ${needed} as well, or leave it out`,
    });
  }
}

/** Whether an option stands on the command line. */
export function isFlag(origins: Origins, name: OptionName): boolean {
  return origins[name].source === "flag";
}

function isGiven(value: Values[OptionName]): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined;
}
