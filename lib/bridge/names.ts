/**
 * The names under which containers are reached: what the engine lists, as a table. Pure.
 *
 * - `web.docker`: the container called `web`, also by the beginning of its id;
 * - `web.mynet.docker`: its address in the network `mynet`; compose services and aliases count there
 *   as they do for Docker's own resolver;
 * - `web.shop.docker`: the containers of service `web` of the compose project `shop`.
 *
 * Case does not count, since browsers write names in lower case.
 */
import { isObject, type Json, type JsonObject } from "../docker/json_body.ts";
import { objectOf, textOf, textsOf } from "../docker/lenient.ts";
import { canonicalName } from "./rules.ts";

/** What the names of containers end with. */
const SUFFIX = ".docker";

/** A container on the host's own network has no address but the host's. */
const HOST_ADDRESS = "127.0.0.1";
const HOST_NETWORK = "host";
/** As the engine shortens ids; a shorter beginning could be a word. */
const SHORT_ID = 12;
const LABEL = {
  project: "com.docker.compose.project",
  service: "com.docker.compose.service",
  number: "com.docker.compose.container-number",
} as const;

/** One running container. */
interface Entry {
  readonly id: string;
  readonly names: readonly string[];
  readonly project: string;
  readonly service: string;
  readonly number: number;
  /** By network: the address, and the further names that hold there. */
  readonly networks: ReadonlyMap<string, { address: string; aliases: readonly string[] }>;
}

/** See the file comment. */
export interface NameTable {
  /** The addresses of a name, the one to try first in front; empty if it names nothing. */
  find(name: string): readonly string[];
}

/** Whether a name is one for this table and for no resolver. */
export function isContainerName(name: string): boolean {
  return canonicalName(name).endsWith(SUFFIX);
}

/** Makes the table from the answer to `GET /containers/json`. */
export function nameTable(containers: Json): NameTable {
  const list = Array.isArray(containers) ? containers : [];
  const entries = list.filter(isObject).map(entryOf).sort((a, b) => a.number - b.number);
  return {
    find(name) {
      const wanted = canonicalName(name).slice(0, -SUFFIX.length);
      const whole = entries.find(({ id, names }) => names.includes(wanted) || isId(id, wanted));
      if (whole !== undefined) return firstAddress(whole);
      // Names of containers and of networks may have dots in them.
      for (let dot = wanted.indexOf("."); dot > 0; dot = wanted.indexOf(".", dot + 1)) {
        const found = within(entries, wanted.slice(0, dot), wanted.slice(dot + 1));
        if (found.length > 0) return found;
      }
      return [];
    },
  };
}

function within(entries: readonly Entry[], name: string, place: string): string[] {
  const inNetwork = entries.flatMap(({ id, names, service, networks }) => {
    const network = networks.get(place);
    if (network === undefined || network.address === "") return [];
    const holds = [...names, ...network.aliases, service].includes(name) || isId(id, name);
    return holds ? [network.address] : [];
  });
  if (inNetwork.length > 0) return inNetwork;
  return entries.filter(({ project, service }) => project === place && service === name)
    .flatMap(firstAddress);
}

/** The address in the first of its networks, by name: the same one each time. */
function firstAddress({ networks }: Entry): string[] {
  const sorted = [...networks].sort(([a], [b]) => a < b ? -1 : 1);
  return sorted.map(([, { address }]) => address).filter((address) => address !== "").slice(0, 1);
}

function isId(id: string, text: string): boolean {
  return text.length >= SHORT_ID && id.startsWith(text);
}

function entryOf(container: JsonObject): Entry {
  const labels = objectOf(container["Labels"]);
  const label = (name: string) => textOf(labels[name]).toLowerCase();
  const settings = objectOf(container["NetworkSettings"]);
  const networks = Object.entries(objectOf(settings["Networks"])).map(([name, value]) => {
    const network = objectOf(value);
    const address = textOf(network["IPAddress"]) || textOf(network["GlobalIPv6Address"]);
    const aliases = [...textsOf(network["Aliases"]), ...textsOf(network["DNSNames"])];
    return [name.toLowerCase(), {
      address: name === HOST_NETWORK ? HOST_ADDRESS : address,
      aliases: aliases.map((alias) => alias.toLowerCase()),
    }] as const;
  });
  return {
    id: textOf(container["Id"]),
    // `/web`, and `/other/alias` for the links of old.
    names: textsOf(container["Names"]).map((name) => name.replace(/^\//, "").toLowerCase()),
    project: label(LABEL.project),
    service: label(LABEL.service),
    number: Number(label(LABEL.number)) || 0,
    networks: new Map(networks),
  };
}
