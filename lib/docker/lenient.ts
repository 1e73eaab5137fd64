/**
 * Parts of what the engine answered, as far as they are what they should be: anything else counts as
 * absent, since an engine of another make must not stop the agent. Pure.
 */
import { isObject, type Json, type JsonObject } from "./json_body.ts";

/** A text; empty where there is none. */
export function textOf(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** The texts of an array. */
export function textsOf(value: Json | undefined): string[] {
  return itemsOf(value).filter((item) => typeof item === "string");
}

/** An object; empty where there is none. */
export function objectOf(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

/** The objects of an array. */
export function objectsOf(value: Json | undefined): JsonObject[] {
  return itemsOf(value).filter(isObject);
}

/** An array; empty where there is none. */
export function itemsOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}
