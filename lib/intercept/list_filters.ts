/** The `filters` of a list, as clients of all versions write them. Pure. */
import { isObject, type Json, type JsonObject, parseJson } from "../docker/json_body.ts";

/** The filters by name; `undefined` where there are none that can be read. */
export function filtersOf(query: URLSearchParams): JsonObject | undefined {
  const text = query.get("filters");
  if (text === null || text === "") return undefined;
  try {
    const value = parseJson(new TextEncoder().encode(text));
    return isObject(value) ? value : undefined;
  } catch {
    // The engine says what is wrong with it.
    return undefined;
  }
}

/** The values of one filter: a list, or since Docker 1.10 an object with the values as its members. */
export function valuesOf(value: Json | undefined): string[] {
  const values = Array.isArray(value) ? value : isObject(value) ? Object.keys(value) : [];
  return values.filter((each) => typeof each === "string");
}
