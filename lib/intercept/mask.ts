/**
 * What must not appear in a log: registry credentials, passwords, tokens, the payload of secrets.
 * Masking works on names, since values look like anything but for those of a swarm.
 */
import { isObject, type Json } from "../docker/json_body.ts";

/** What stands in the place of a secret. */
const MASK = "***";

const SECRET_HEADERS = new Set([
  "authorization",
  "cookie",
  "proxy-authorization",
  "set-cookie",
  "x-registry-auth",
  "x-registry-config",
]);

const SECRET_NAME =
  /pass(word|wd|phrase)?$|secret|token|credential|api_?key|private_?key|access_?key|^auth$|joinkey|unlockkey/i;

/** Join tokens and unlock keys of a swarm, which also stand where no name tells of them. */
const SWARM_SECRET = /\bSWM(TKN|KEY)-[\w+/-]+/g;

/** The value of a header as it may be logged. */
export function maskHeader(name: string, value: string): string {
  return SECRET_HEADERS.has(name.toLowerCase()) ? MASK : value;
}

/** A copy of `value` as it may be logged; `secretData` also masks the members called `Data`. */
export function maskJson(value: Json, secretData = false): Json {
  if (Array.isArray(value)) return value.map((item) => maskItem(item, secretData));
  if (typeof value === "string") return value.replace(SWARM_SECRET, MASK);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, member]): [string, Json] => {
    const hide = SECRET_NAME.test(name) || (secretData && name === "Data");
    return [name, hide && isSecretValue(member) ? MASK : maskJson(member, secretData)];
  });
  return Object.fromEntries(entries);
}

/** A request target as it may be logged: JSON in its query (`buildargs`) is masked too. */
export function maskTarget(target: string): string {
  const at = target.indexOf("?");
  if (at < 0) return target;
  const query = target.slice(at + 1).split("&").map((pair) => {
    const [name = ""] = pair.split("=", 1);
    return SECRET_NAME.test(name) || name === "buildargs" ? `${name}=${MASK}` : pair;
  });
  return `${target.slice(0, at)}?${query.join("&")}`;
}

/** An object below a telling name, such as `SecretName: {…}`, is looked into, not hidden. */
function isSecretValue(value: Json): boolean {
  return (typeof value === "string" && value !== "") || Array.isArray(value) && value.length > 0;
}

/** `NAME=value` as in `Env`: the value is masked when the name tells. */
function maskItem(item: Json, secretData: boolean): Json {
  if (typeof item !== "string") return maskJson(item, secretData);
  const [name = ""] = item.split("=", 1);
  return name.length < item.length && SECRET_NAME.test(name) ? `${name}=${MASK}` : maskJson(item);
}
