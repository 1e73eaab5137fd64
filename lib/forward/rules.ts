/**
 * The user's own rules for published ports, as ordered data: the first that matches decides, and
 * where none does the request stands as it is. Pure.
 */
import type { Protocol } from "./binding.ts";

/** What a rule looks at; every condition that is present has to hold. */
export interface PortMatch {
  /** Container name; `*` and `?` are wildcards. */
  readonly container?: string;
  /** Image as the container names it, with the same wildcards. */
  readonly image?: string;
  /** Container ports, both ends included. */
  readonly port?: { readonly first: number; readonly last: number };
  readonly protocol?: Protocol;
  /** `KEY`, or `KEY=VALUE`, with wildcards in the value. */
  readonly label?: string;
}

/** What to do with a port that matches. */
export interface PortAction {
  /** Leave the port alone: nothing listens here for it. */
  readonly ignore?: boolean;
  /** Listen on this port rather than on the requested one. */
  readonly localPort?: number;
  /** Listen on this address rather than on the requested one. */
  readonly address?: string;
}

/** One rule. */
export interface PortRule {
  readonly match: PortMatch;
  readonly action: PortAction;
}

/** The port a rule is asked about. */
export interface PortSubject {
  readonly container: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly containerPort: number;
  readonly protocol: Protocol;
}

/** The action of the first rule that matches, or `{}`. */
export function decide(rules: readonly PortRule[], subject: PortSubject): PortAction {
  return rules.find(({ match }) => matches(match, subject))?.action ?? {};
}

function matches(match: PortMatch, subject: PortSubject): boolean {
  const { container, image, port, protocol, label } = match;
  return (container === undefined || glob(container, subject.container)) &&
    (image === undefined || glob(image, subject.image)) &&
    (port === undefined ||
      (subject.containerPort >= port.first && subject.containerPort <= port.last)) &&
    (protocol === undefined || protocol === subject.protocol) &&
    (label === undefined || labelMatches(label, subject.labels));
}

function labelMatches(wanted: string, labels: Readonly<Record<string, string>>): boolean {
  const at = wanted.indexOf("=");
  const key = at < 0 ? wanted : wanted.slice(0, at);
  if (!Object.hasOwn(labels, key)) return false;
  return at < 0 || glob(wanted.slice(at + 1), labels[key] ?? "");
}

/** `*` for any text (slashes included), `?` for one character; the whole text has to match. */
function glob(pattern: string, text: string): boolean {
  const source = pattern
    .replaceAll(/[.+^${}()|[\]\\]/g, "\\$&")
    .replaceAll(/\*+/g, ".*")
    .replaceAll("?", ".");
  return new RegExp(`^${source}$`, "s").test(text);
}
