/**
 * Reads `authorized_keys` (sshd(8), AUTHORIZED_KEYS FILE FORMAT). What a line asks for is either
 * honoured or the whole line is refused: a restriction that is not understood must not be lost. Pure.
 */
import { Buffer } from "node:buffer";
import { parseFrom } from "./from_pattern.ts";
import { keyProblem, looksLikeKeyType } from "./key_types.ts";

/** One usable line. */
export interface AuthorizedKey {
  /** Counts from 1. */
  readonly line: number;
  /** Such as `ssh-ed25519`. */
  readonly type: string;
  /** The key in SSH wire format. */
  readonly blob: Uint8Array;
  readonly comment: string;
  /** Patterns of addresses it may come from; absent for all. */
  readonly from?: readonly string[];
  /** `host:port` of TCP destinations it may open, either may be `*`; absent for all. */
  readonly permitOpen?: readonly string[];
  /** Whether it may open connections at all. */
  readonly forwarding: boolean;
  /** When it ceases to be good, in milliseconds since 1970. */
  readonly expires?: number;
}

/** A line that is not used, and why. */
export interface RefusedLine {
  readonly line: number;
  readonly why: string;
}

/** The largest file that is read. */
export const MAX_AUTHORIZED_KEYS_BYTES = 1024 * 1024;

/** Restrictions on what there is not here: a session, an agent, X11, a remote listener. */
const HARMLESS = new Set([
  ...["pty", "agent-forwarding", "x11-forwarding", "user-rc"].flatMap((it) => [it, `no-${it}`]),
  "permitlisten",
]);

/** What the options of a line come to; built up from left to right, as sshd does. */
interface Policy {
  forwarding: boolean;
  from?: readonly string[];
  permitOpen?: string[];
  expires?: number;
}

/** Every line of a file, as a key or as a refusal. Never throws. */
export function parseAuthorizedKeys(
  text: string,
): { keys: AuthorizedKey[]; refused: RefusedLine[] } {
  const keys: AuthorizedKey[] = [];
  const refused: RefusedLine[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const content = raw.trim();
    if (content === "" || content.startsWith("#")) continue;
    const line = index + 1;
    try {
      keys.push(parseLine(content, line));
    } catch (error) {
      refused.push({ line, why: error instanceof Error ? error.message : String(error) });
    }
  }
  return { keys, refused };
}

/** Reads one line. Throws a plain `Error` that says why it cannot be used. */
function parseLine(content: string, line: number): AuthorizedKey {
  const first = content.split(/\s/, 1)[0] ?? "";
  const optionsEnd = looksLikeKeyType(first) ? 0 : endOfOptions(content);
  const policy = readOptions(content.slice(0, optionsEnd));
  const words = content.slice(optionsEnd).trim().split(/\s+/);
  const [type = "", data = "", ...comment] = words;
  if (!looksLikeKeyType(type)) throw new Error("there is no key on it");
  const blob = Buffer.from(data, "base64");
  // Node's decoder skips what it does not know; only a faithful copy counts.
  const faithful = blob.toString("base64").replaceAll("=", "") === data.replace(/=+$/, "");
  const problem = faithful ? keyProblem(type, blob) : "the key is damaged";
  if (problem !== undefined) throw new Error(problem);
  return { line, type, blob, comment: comment.join(" "), ...policy };
}

/** Options end at the first blank outside of quotes. */
function endOfOptions(content: string): number {
  let quoted = false;
  for (let at = 0; at < content.length; at++) {
    if (content[at] === "\\" && content[at + 1] === '"') at++;
    else if (content[at] === '"') quoted = !quoted;
    else if (!quoted && /\s/.test(content[at] ?? "")) return at;
  }
  throw new Error(quoted ? "a quote is not closed" : "there is no key on it");
}

const OPTION = /([a-z0-9-]+)(?:=("(?:[^"\\]|\\.)*"|[^,"]*))?(?:,|$)/iy;

function readOptions(text: string): Policy {
  const policy: Policy = { forwarding: true };
  OPTION.lastIndex = 0;
  while (OPTION.lastIndex < text.length) {
    const at = OPTION.lastIndex;
    const match = OPTION.exec(text);
    if (match === null) throw new Error(`bad options at "${text.slice(at, at + 20)}"`);
    const [, name = "", value] = match;
    apply(policy, name.toLowerCase(), value === undefined ? undefined : unquote(value));
  }
  return policy;
}

function unquote(value: string): string {
  return value.startsWith('"') ? value.slice(1, -1).replaceAll('\\"', '"') : value;
}

function apply(policy: Policy, name: string, value: string | undefined): void {
  if (HARMLESS.has(name)) return;
  switch (name) {
    case "restrict":
    case "no-port-forwarding":
      policy.forwarding = false;
      return;
    case "port-forwarding":
      policy.forwarding = true;
      return;
    case "from":
      policy.from = parseFrom(value ?? "");
      return;
    case "permitopen":
      (policy.permitOpen ??= []).push(readPermitOpen(value ?? ""));
      return;
    case "expiry-time":
      policy.expires = readExpiry(value ?? "");
      return;
    default:
      throw new Error(`option "${name}" is not supported`);
  }
}

function readPermitOpen(value: string): string {
  const match = /^(\[[^\]]+\]|[^:\s]+):(\d{1,5}|\*)$/.exec(value);
  if (match === null) throw new Error(`bad permitopen "${value}"`);
  return `${(match[1] ?? "").replace(/^\[|\]$/g, "").toLowerCase()}:${match[2]}`;
}

/** Whether the key may open a TCP connection to `host:port`. */
export function maySendTo(key: AuthorizedKey, host: string, port: number): boolean {
  if (!key.forwarding) return false;
  if (key.permitOpen === undefined) return true;
  const name = host.toLowerCase();
  return key.permitOpen.some((one) => {
    const colon = one.lastIndexOf(":");
    const [wantedHost, wantedPort] = [one.slice(0, colon), one.slice(colon + 1)];
    return (wantedHost === "*" || wantedHost === name) &&
      (wantedPort === "*" || wantedPort === String(port));
  });
}

/** `YYYYMMDD[Z]` or `YYYYMMDDHHMM[SS][Z]`, in local time unless it ends in `Z`. */
function readExpiry(value: string): number {
  const match = /^(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)(\d\d)?)?(Z?)$/.exec(value);
  if (match === null) throw new Error(`bad expiry-time "${value}"`);
  const [, year, month, day, hour = "00", minute = "00", second = "00", zone = ""] = match;
  const time = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}${zone}`);
  if (Number.isNaN(time)) throw new Error(`bad expiry-time "${value}"`);
  return time;
}
