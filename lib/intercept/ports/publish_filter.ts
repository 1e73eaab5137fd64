/**
 * The filter `publish=` of the container list. The engine would compare it with the ports of the
 * remote host, which users never see, so it is taken out of the query and applied to the answer;
 * `limit`, which counts what the filter lets through, goes with it. Pure.
 */
import { isObject, type Json } from "../../docker/json_body.ts";
import { InvalidBindingError, parseHostPort } from "../../forward/binding.ts";
import { filtersOf, valuesOf } from "../list_filters.ts";

/** A query without the filter, and what is to be done to the answer. */
export interface PublishFilter {
  /** To be sent in the place of the original. */
  readonly query: URLSearchParams;
  /** Filters a list and cuts it to its limit. */
  apply(list: Json[]): Json[];
}

/** A port range of one protocol. */
interface Wanted {
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

/**
 * Takes the filter out of `query`; nothing if there is none. Also nothing for one that the engine
 * will not understand either, so that its own words reach the user.
 */
export function takePublishFilter(query: URLSearchParams): PublishFilter | undefined {
  const filters = filtersOf(query);
  const wanted = filters && wantedPorts(filters["publish"]);
  if (filters === undefined || wanted === undefined || wanted.length === 0) return undefined;
  const limit = numberOf(query.get("limit") ?? "");
  if (limit === undefined) return undefined;
  const rest = new URLSearchParams(query);
  const { publish: _publish, ...others } = filters;
  rest.set("filters", JSON.stringify(others));
  rest.delete("limit");
  // A limit asks for stopped containers too, and those publish nothing: they only make work.
  return {
    query: rest,
    apply(list) {
      const matching = list.filter((item) => publishes(item, wanted));
      return limit > 0 ? matching.slice(0, limit) : matching;
    },
  };
}

/** As `strconv.Atoi` has it; nothing for what is no number. */
function numberOf(text: string): number | undefined {
  return /^([+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

function wantedPorts(value: Json | undefined): Wanted[] | undefined {
  try {
    return valuesOf(value).map((text) => {
      const [ports = "", protocol = ""] = text.split("/", 2);
      if (ports === "") throw new InvalidBindingError("no port");
      return { ...parseHostPort(ports), protocol: protocol === "" ? "tcp" : protocol };
    });
  } catch (error) {
    if (error instanceof InvalidBindingError) return undefined;
    throw error;
  }
}

function publishes(item: Json, wanted: readonly Wanted[]): boolean {
  const ports = isObject(item) && Array.isArray(item["Ports"]) ? item["Ports"] : [];
  return ports.filter(isObject).some(({ PublicPort, Type }) =>
    typeof PublicPort === "number" &&
    wanted.some(({ first, last, protocol }) =>
      protocol === Type && PublicPort >= first && PublicPort <= last
    )
  );
}
