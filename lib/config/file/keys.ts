/**
 * The keys of a configuration file: which option a key sets, and the groups in which several may be
 * written together, as `ssh: { host: gpu, user: dev }` for `ssh_host` and `ssh_user`. Made from the
 * option table.
 */
import { fileKeyOf } from "../option.ts";
import { OPTION_NAMES, type OptionName, specOf } from "../schema.ts";

/** The keys that may be written as a group, and what the names of their options begin with. */
const GROUPS = { ssh: "ssh", mtls: "mtls", tstunnel: "ts", tls: "tls", sync: "sync" };

/** The option that each key sets, names of earlier tools included. */
export const KEYS: ReadonlyMap<string, OptionName> = keyTable();

/** For each group the option that each of its keys sets. */
export const GROUP_KEYS: ReadonlyMap<string, ReadonlyMap<string, OptionName>> = groupTable();

/** The key under which the remote hosts are listed. */
export const HOSTS_KEY = "hosts";

/** Whether an option may differ from host to host; others are for the whole program. */
export function isPerHost(name: OptionName): boolean {
  const { perHost, commands } = specOf(name);
  return perHost !== false && commands.includes("start");
}

function keyTable(): ReadonlyMap<string, OptionName> {
  const keys = new Map<string, OptionName>();
  for (const name of OPTION_NAMES) {
    const spec = specOf(name);
    if (spec.inFile === false) continue;
    for (const alias of [name, ...spec.aliases ?? []]) keys.set(fileKeyOf(alias), name);
    for (const key of spec.fileKeys ?? []) keys.set(key, name);
  }
  return keys;
}

function groupTable(): ReadonlyMap<string, ReadonlyMap<string, OptionName>> {
  const groups = new Map<string, Map<string, OptionName>>();
  for (const [word, beginning] of Object.entries(GROUPS)) {
    const members = OPTION_NAMES.filter((name) =>
      name.startsWith(`${beginning}-`) && specOf(name).inFile !== false
    );
    const keys = members.map((name) =>
      [fileKeyOf(name.slice(beginning.length + 1)), name] as const
    );
    groups.set(word, new Map(keys));
  }
  return groups;
}
