/**
 * What users see of a container's ports: what they asked for, with the local addresses that really
 * listen, and no label of ours. Pure; edits the engine's JSON in place.
 */
import { isObject, type Json, type JsonObject } from "../../docker/json_body.ts";
import { portKey } from "../../forward/binding.ts";
import type { Published } from "../../forward/forward_info.ts";
import { viewOfInspect, viewOfListItem } from "./container_view.ts";
import { PORTS_LABEL } from "./label.ts";

/** What is known here of the ports of containers. */
export interface PortKnowledge {
  readonly owner: string;
  /** The local ports of a container; nothing if it has none now. */
  published(id: string): readonly Published[] | undefined;
}

/** Edits the answer of `ContainerInspect`. */
export function showInspect(value: Json, knowledge: PortKnowledge): void {
  const view = viewOfInspect(value);
  if (view === undefined || !isObject(value)) return;
  hideLabel(value["Config"]);
  const local = knowledge.published(view.id);
  const { request } = view;
  const moved = request?.mode === "virtual" && request.owner === knowledge.owner;
  if (moved && isObject(value["HostConfig"])) {
    value["HostConfig"]["PortBindings"] = request.asked;
    value["HostConfig"]["PublishAllPorts"] = request.publishAll;
  }
  if (!moved && local === undefined) return;
  const network = value["NetworkSettings"];
  const ports = isObject(network) ? network["Ports"] : undefined;
  if (isObject(ports)) showInspectPorts(ports, local ?? []);
}

function showInspectPorts(ports: JsonObject, local: readonly Published[]): void {
  for (const [key, entries] of Object.entries(ports)) {
    if (!Array.isArray(entries) || entries.length === 0) continue;
    const shown = local.filter(({ requested }) => portKey(requested) === key)
      .map(({ local: { host, port } }) => ({ HostIp: host, HostPort: String(port) }));
    // What is exposed and not published is null.
    ports[key] = shown.length > 0 ? shown : null;
  }
}

/** Edits one container of the answer of `ContainerList`. */
export function showListItem(item: Json, knowledge: PortKnowledge): void {
  const view = viewOfListItem(item);
  if (view === undefined || !isObject(item)) return;
  hideLabel(item);
  const local = knowledge.published(view.id);
  const { request } = view;
  const moved = request?.mode === "virtual" && request.owner === knowledge.owner;
  if ((!moved && local === undefined) || !Array.isArray(item["Ports"])) return;
  item["Ports"] = listPorts(item["Ports"], local ?? []);
}

function listPorts(ports: Json[], local: readonly Published[]): Json[] {
  const shown = new Set<string>();
  return ports.flatMap((port) => {
    if (!isObject(port) || port["PublicPort"] === undefined) return [port];
    const { PrivatePort, Type } = port;
    const key = `${PrivatePort}/${Type}`;
    // Several bindings of one port follow one another; the first makes room for all.
    if (shown.has(key)) return [];
    shown.add(key);
    const here = local.filter(({ requested }) => portKey(requested) === key).map((each) => ({
      IP: each.local.host,
      PrivatePort: PrivatePort ?? null,
      PublicPort: each.local.port,
      Type: Type ?? null,
    }));
    return here.length > 0 ? here : [{ PrivatePort: PrivatePort ?? null, Type: Type ?? null }];
  });
}

/** Edits one event: its attributes carry the labels of the container. */
export function showEvent(event: Json): void {
  if (!isObject(event) || !isObject(event["Actor"])) return;
  const attributes = event["Actor"]["Attributes"];
  if (isObject(attributes)) delete attributes[PORTS_LABEL];
}

/** Removes our label from the `Labels` of an object. */
function hideLabel(holder: Json | undefined): void {
  if (!isObject(holder) || !isObject(holder["Labels"])) return;
  delete holder["Labels"][PORTS_LABEL];
}
