/**
 * Rules for published ports as users write them, one per line:
 * `container=web* port=8000-8010/tcp local=9000`. Conditions: `container`, `image`, `port`, `label`;
 * actions: `local` (port), `address`, or the word `ignore`. Pure.
 */
import { isIP } from "node:net";
import type { PortAction, PortMatch, PortRule } from "../forward/rules.ts";
import { MAX_PORT, parsePort } from "../net/port.ts";

const MAX_QUOTED = 40;
const CONDITIONS = ["container", "image", "port", "label"] as const;
const ACTIONS = ["local", "address", "ignore"] as const;

/** Reads one rule; throws a plain `Error` that says what is wrong. */
export function parsePortRule(text: string): PortRule {
  const words = new Map<string, string>();
  for (const word of text.trim().split(/\s+/)) {
    const at = word.indexOf("=");
    const key = at < 0 ? word : word.slice(0, at);
    if (words.has(key)) throw new Error(`"${key}" is given twice`);
    words.set(key, checked(key, at < 0 ? "" : word.slice(at + 1)));
  }
  if (!CONDITIONS.some((key) => words.has(key))) {
    throw new Error(`expected a condition: ${CONDITIONS.join(", ")}`);
  }
  const rule = { match: matchOf(words), action: actionOf(words) };
  if (Object.keys(rule.action).length > 0) return rule;
  throw new Error("expected an action: local=PORT, address=ADDRESS or ignore");
}

function checked(key: string, value: string): string {
  const known = [...CONDITIONS, ...ACTIONS].some((each) => each === key);
  if (!known) {
    throw new Error(
      `expected ${[...CONDITIONS, ...ACTIONS].join(", ")}, not "${key.slice(0, MAX_QUOTED)}"`,
    );
  }
  if ((key === "ignore") !== (value === "")) {
    throw new Error(key === "ignore" ? `"ignore" has no value` : `"${key}" needs a value`);
  }
  return value;
}

function matchOf(words: ReadonlyMap<string, string>): PortMatch {
  const port = words.get("port");
  const [container, image, label] = ["container", "image", "label"].map((key) => words.get(key));
  return {
    ...(container === undefined ? {} : { container }),
    ...(image === undefined ? {} : { image }),
    ...(label === undefined ? {} : { label }),
    ...(port === undefined ? {} : portsOf(port)),
  };
}

function portsOf(text: string): Pick<PortMatch, "port" | "protocol"> {
  const [, low = "", high = low, word = ""] = /^(\d+)(?:-(\d+))?(?:\/(\w+))?$/.exec(text) ?? [];
  const [first, last] = [portOf(low), portOf(high)];
  const protocol = (["tcp", "udp"] as const).find((each) => each === word);
  if (last < first || (word !== "" && protocol === undefined)) {
    throw new Error("expected a port such as 80, 8000-8010 or 53/udp");
  }
  return { port: { first, last }, ...(protocol === undefined ? {} : { protocol }) };
}

function actionOf(words: ReadonlyMap<string, string>): PortAction {
  const local = words.get("local");
  const address = words.get("address");
  if (words.has("ignore")) {
    if (local === undefined && address === undefined) return { ignore: true };
    throw new Error(`"ignore" leaves nothing for "local" and "address" to do`);
  }
  if (address !== undefined && isIP(address) === 0) throw new Error("expected an IP address");
  return {
    ...(local === undefined ? {} : { localPort: portOf(local) }),
    ...(address === undefined ? {} : { address }),
  };
}

function portOf(text: string): number {
  const port = parsePort(text, 1);
  if (port !== undefined) return port;
  throw new Error(`expected a port from 1 to ${MAX_PORT}`);
}
