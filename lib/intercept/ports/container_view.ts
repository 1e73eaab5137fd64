/**
 * A container as the engine describes it, in `inspect` or in a list, reduced to what its published
 * ports depend on. Pure.
 */
import { isObject, type Json, type JsonObject } from "../../docker/json_body.ts";
import { objectOf, textOf } from "../../docker/lenient.ts";
import {
  InvalidBindingError,
  parsePortKey,
  portKey,
  type Protocol,
  type RequestedBinding,
} from "../../forward/binding.ts";
import { bindingsOf, decodeLabel, type PortRequest, PORTS_LABEL, reservable } from "./label.ts";

/** A port that is bound on the remote host now. */
export interface RemotePort {
  readonly containerPort: number;
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
}

/** See the file comment. */
export interface ContainerView {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** It has a process, so that its ports are bound. */
  readonly running: boolean;
  readonly autoRemove: boolean;
  /** What its label says, if an agent created it. */
  readonly request: PortRequest | undefined;
  /** TCP ports it is said to use; unknown from a list. */
  readonly exposed: readonly number[];
  /** Container ports it is to publish, such as `80/tcp`; unknown from a list. */
  readonly declared: ReadonlySet<string> | undefined;
  readonly ports: readonly RemotePort[];
}

/** Reads the answer of `ContainerInspect`; nothing for what does not look like one. */
export function viewOfInspect(value: Json): ContainerView | undefined {
  if (!isObject(value) || typeof value["Id"] !== "string") return undefined;
  const config = objectOf(value["Config"]);
  const host = objectOf(value["HostConfig"]);
  const state = objectOf(value["State"]);
  const labels = textsIn(objectOf(config["Labels"]));
  const declared = Object.entries(objectOf(host["PortBindings"]))
    .filter(([, entries]) => Array.isArray(entries) && entries.length > 0)
    .flatMap(([key]) => keyOf(key));
  return {
    id: value["Id"],
    name: textOf(value["Name"]).replace(/^\//, ""),
    image: textOf(config["Image"]),
    labels,
    running: state["Running"] === true && state["Restarting"] !== true,
    autoRemove: host["AutoRemove"] === true,
    request: decodeLabel(labels[PORTS_LABEL]),
    exposed: Object.keys(objectOf(config["ExposedPorts"]))
      .flatMap((key) => /^(\d{1,5})(?:\/tcp)?$/.exec(key)?.[1] ?? []).map(Number),
    declared: new Set(declared),
    ports: portsOfInspect(objectOf(objectOf(value["NetworkSettings"])["Ports"])),
  };
}

/** The key as others write it; the engine also keeps keys of what is no port. */
function keyOf(written: string): string[] {
  try {
    return [portKey(parsePortKey(written))];
  } catch (error) {
    if (error instanceof InvalidBindingError) return [];
    throw error;
  }
}

/** Reads one item of the answer of `ContainerList`. */
export function viewOfListItem(value: Json): ContainerView | undefined {
  if (!isObject(value) || typeof value["Id"] !== "string") return undefined;
  const labels = textsIn(objectOf(value["Labels"]));
  const names = Array.isArray(value["Names"]) ? value["Names"] : [];
  // A name within another container's links has a second slash.
  const name = names.map(textOf).find((each) => each.lastIndexOf("/") === 0) ?? "";
  const state = textOf(value["State"]);
  return {
    id: value["Id"],
    name: name.replace(/^\//, ""),
    image: textOf(value["Image"]),
    labels,
    running: state === "running" || state === "paused",
    autoRemove: false,
    request: decodeLabel(labels[PORTS_LABEL]),
    exposed: [],
    declared: undefined,
    ports: (Array.isArray(value["Ports"]) ? value["Ports"] : []).flatMap(portOfListItem),
  };
}

/**
 * What is to listen here for a container that an agent created: what was asked for, as far as the
 * container really has it. An image made from such a container can carry its label along.
 */
export function wantedBindings(view: ContainerView): RequestedBinding[] {
  const { request, declared, ports, running } = view;
  if (request === undefined) return [];
  const real = running ? new Set(ports.map(portKey)) : declared;
  const wanted = bindingsOf(request).filter((each) => real?.has(portKey(each)) ?? true);
  return request.mode === "same" && running ? asBound(view) : reservable(request, wanted);
}

/** The same ports here as on the remote host. */
export function asBound({ ports }: ContainerView): RequestedBinding[] {
  const seen = new Set<string>();
  return ports.flatMap((remote) => {
    const { containerPort, protocol, host, port } = remote;
    const hostIp = /^(0\.0\.0\.0|::)$/.test(host) ? "" : host;
    const key = `${hostIp} ${port}/${protocol}`;
    if (seen.has(key)) return [];
    seen.add(key);
    return [{ containerPort, protocol, hostIp, hostPort: String(port) }];
  });
}

/** Where on the remote host each container port (`80/tcp`) is reached, loopback preferred. */
export function remoteEnds({ ports }: ContainerView): Map<string, { host: string; port: number }> {
  const ends = new Map<string, { host: string; port: number }>();
  const best = [...ports].sort((a, b) => preference(a) - preference(b));
  for (const remote of best) {
    const key = portKey(remote);
    if (!ends.has(key)) ends.set(key, { host: reachable(remote.host), port: remote.port });
  }
  return ends;
}

function preference({ host }: RemotePort): number {
  const order = ["127.0.0.1", "0.0.0.0", "::1", "::"].indexOf(host);
  return order < 0 ? 4 : order;
}

function reachable(host: string): string {
  if (host === "0.0.0.0" || host === "") return "127.0.0.1";
  return host === "::" ? "::1" : host;
}

function portsOfInspect(ports: JsonObject): RemotePort[] {
  return Object.entries(ports).flatMap(([key, entries]) => {
    const [containerPort = "", protocol] = key.split("/", 2);
    return (Array.isArray(entries) ? entries : []).filter(isObject).flatMap((entry) =>
      remotePort(Number(containerPort), protocol, entry["HostIp"], Number(entry["HostPort"]))
    );
  });
}

function portOfListItem(item: Json): RemotePort[] {
  if (!isObject(item)) return [];
  const { IP, PrivatePort, PublicPort, Type } = item;
  return remotePort(PrivatePort, Type, IP, PublicPort);
}

function remotePort(
  containerPort: Json | undefined,
  type: Json | undefined,
  ip: Json | undefined,
  port: Json | undefined,
): RemotePort[] {
  const protocol = (["tcp", "udp", "sctp"] as const).find((each) => each === type);
  if (typeof containerPort !== "number" || typeof port !== "number") return [];
  if (protocol === undefined || !(containerPort > 0 && port > 0)) return [];
  return [{ containerPort, protocol, host: textOf(ip), port }];
}

function textsIn(object: JsonObject): Record<string, string> {
  const entries = Object.entries(object);
  return Object.fromEntries(
    entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"),
  );
}
