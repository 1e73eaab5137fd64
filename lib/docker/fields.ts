/**
 * Members of a JSON object as the engine finds them. Go's `encoding/json` takes `hostconfig` for
 * `HostConfig`, and merges what several spellings of one name hold; an editor that knew only the
 * exact name could be talked past. Here a name in two spellings, or twice in one, is refused.
 */
import { ReplyError } from "./error_reply.ts";
import { isObject, type Json, type JsonObject } from "./json_body.ts";

/** The value of the member that Go would read as `name`. Throws {@link ReplyError} 400. */
export function field(object: JsonObject, name: string): Json | undefined {
  const spelling = spellingOf(object, name);
  return spelling === undefined ? undefined : object[spelling];
}

/** Sets the member that Go would read as `name`, keeping its spelling and place. */
export function setField(object: JsonObject, name: string, value: Json): void {
  object[spellingOf(object, name) ?? name] = value;
}

/** Removes the member that Go would read as `name`. Throws as above. */
export function dropField(object: JsonObject, name: string): void {
  const spelling = spellingOf(object, name);
  if (spelling !== undefined) delete object[spelling];
}

/**
 * The object that member `name` holds; nothing when it is absent or null. Throws
 * {@link ReplyError} 400 when it holds anything else, which the engine refuses as well.
 */
export function objectField(object: JsonObject, name: string): JsonObject | undefined {
  const value = field(object, name);
  if (value === undefined || value === null) return undefined;
  if (isObject(value)) return value;
  throw new ReplyError(400, `invalid JSON: ${name} must be an object`);
}

/** The string that member `name` holds; empty when it is absent or null. Throws as above. */
export function stringField(object: JsonObject, name: string): string {
  const value = field(object, name);
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  throw new ReplyError(400, `invalid JSON: ${name} must be a string`);
}

function spellingOf(object: JsonObject, name: string): string | undefined {
  const wanted = fold(name);
  const found = Object.keys(object).filter((key) => fold(key) === wanted);
  if (found.length < 2) return found[0];
  const spellings = found.map((key) => JSON.stringify(key)).join(" and ");
  throw new ReplyError(400, `invalid JSON: ${spellings} name the same member`);
}

const STRING = /"(?:[^"\\]|\\.)*"/gs;

/**
 * Whether an object in `text`, of which `value` was read, names a member twice. Go merges the two, and
 * `JSON.parse` keeps the last, so that what the first holds would pass unseen.
 */
export function repeatsMember(text: string, value: Json): boolean {
  const written = text.replace(STRING, "").split(":").length - 1;
  return written > membersOf(value);
}

function membersOf(value: Json): number {
  if (Array.isArray(value)) return value.reduce<number>((sum, item) => sum + membersOf(item), 0);
  if (!isObject(value)) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + 1 + membersOf(member), 0);
}

/** Go folds by Unicode simple case folding, in which U+017F is an "s" and U+212A a "k". */
function fold(name: string): string {
  return name.toUpperCase().toLowerCase();
}
