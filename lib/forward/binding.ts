/**
 * Port bindings as the Engine API writes them (`HostConfig.PortBindings`), read by the rules of
 * Docker's `nat` package and daemon. Pure.
 */
import { parsePort } from "../net/port.ts";

/** What a container port speaks. */
export type Protocol = "tcp" | "udp" | "sctp";

/** One entry of `HostConfig.PortBindings`, as requested. */
export interface RequestedBinding {
  readonly containerPort: number;
  readonly protocol: Protocol;
  /** `""` stands for the default address. */
  readonly hostIp: string;
  /** `""` for any free port, `"8080"`, or `"8000-8010"` for any free one of these. */
  readonly hostPort: string;
}

/** Host ports from `first` to `last`; any free port if both are 0. */
export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** A binding the engine would refuse; `message` is what it says then (status 400). */
export class InvalidBindingError extends Error {
  override readonly name = "InvalidBindingError";
}

/** The key of a container port, such as `80/tcp`. */
export function portKey(port: { containerPort: number; protocol: Protocol }): string {
  return `${port.containerPort}/${port.protocol}`;
}

/**
 * Reads a key of `PortBindings` or `ExposedPorts`: `"80/tcp"`, `"80"` (TCP). Throws
 * {@link InvalidBindingError}.
 */
export function parsePortKey(key: string): { containerPort: number; protocol: Protocol } {
  const [port = "", proto = ""] = key.split("/", 2);
  const containerPort = portOf(port);
  if (containerPort === undefined || containerPort === 0) throw invalidPort(port);
  const protocol = proto === "" ? "tcp" : proto.toLowerCase();
  if (protocol === "tcp" || protocol === "udp" || protocol === "sctp") {
    return { containerPort, protocol };
  }
  throw new InvalidBindingError(`invalid proto: ${proto}`);
}

/**
 * Reads `HostConfig.PortBindings`, in the order of its keys. An entry that is `null` or an empty list
 * publishes nothing unless all ports are published, which is the caller's matter. Throws
 * {@link InvalidBindingError}.
 */
export function parsePortBindings(value: unknown): RequestedBinding[] {
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, entries]) => {
    const port = parsePortKey(key);
    if (!Array.isArray(entries)) return [];
    return entries.filter(isRecord).map((entry): RequestedBinding => {
      const hostPort = textOf(entry["HostPort"]);
      parseHostPort(hostPort);
      return { ...port, hostIp: textOf(entry["HostIp"]), hostPort };
    });
  });
}

/** Reads a `HostPort`: `""`, `"0"`, `"8080"`, `"8000-8010"`, each also with `/tcp` after it. */
export function parseHostPort(text: string): PortRange {
  const [ports = ""] = text.split("/", 1);
  if (ports === "") return { first: 0, last: 0 };
  const [low = "", high = low, ...rest] = ports.split("-");
  const first = portOf(low);
  const last = portOf(high);
  if (first === undefined || last === undefined || last < first || rest.length > 0) {
    throw invalidPort(text);
  }
  return { first, last };
}

/** Leading zeros mean nothing to the engine. */
function portOf(text: string): number | undefined {
  return parsePort(text.replace(/^0+(?=\d)/, ""));
}

function invalidPort(text: string): InvalidBindingError {
  return new InvalidBindingError(`invalid port specification: ${JSON.stringify(text)}`);
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
