/**
 * A container as the engine describes it, in `inspect`, in a list or in an event, reduced to what its
 * bind mounts depend on. Pure.
 */
import type { EngineEvent } from "../../docker/events.ts";
import { isObject, type Json } from "../../docker/json_body.ts";
import { objectOf, textOf } from "../../docker/lenient.ts";
import { type BindRequest, BINDS_LABEL, type BoundMount, decodeBindLabel } from "./label.ts";

/** A container with mounts of ours. */
export interface BoundContainer {
  readonly id: string;
  readonly name: string;
  readonly running: boolean;
  readonly autoRemove: boolean;
  readonly mounts: readonly BoundMount[];
}

/** A container, and what its label says if an agent created it. */
export interface BoundView {
  readonly container: BoundContainer;
  readonly request: BindRequest | undefined;
}

/** Reads the answer of `ContainerInspect`; nothing for what does not look like one. */
export function boundFromInspect(body: Json): BoundView | undefined {
  if (!isObject(body) || typeof body["Id"] !== "string") return undefined;
  const request = decodeBindLabel(objectOf(objectOf(body["Config"])["Labels"])[BINDS_LABEL]);
  const container: BoundContainer = {
    id: body["Id"],
    name: textOf(body["Name"]).replace(/^\//, ""),
    running: objectOf(body["State"])["Running"] === true,
    autoRemove: objectOf(body["HostConfig"])["AutoRemove"] === true,
    mounts: request?.mounts ?? [],
  };
  return { container, request };
}

/** Reads one item of the answer of `ContainerList`; nothing for one that is not `owner`'s. */
export function boundFromListItem(item: Json, owner: string): BoundContainer | undefined {
  if (!isObject(item) || typeof item["Id"] !== "string") return undefined;
  const request = decodeBindLabel(objectOf(item["Labels"])[BINDS_LABEL]);
  if (request?.owner !== owner) return undefined;
  const [name] = Array.isArray(item["Names"]) ? item["Names"] : [];
  return {
    id: item["Id"],
    name: textOf(name).replace(/^\//, ""),
    running: ["running", "paused", "restarting"].includes(textOf(item["State"])),
    autoRemove: false,
    mounts: request.mounts,
  };
}

/** Reads an event, whose attributes carry the labels; nothing for what is not `owner`'s. */
export function boundFromEvent(
  { type, action, id, attributes }: EngineEvent,
  owner: string,
  before: BoundContainer | undefined,
): BoundContainer | undefined {
  const request = type === "container" ? decodeBindLabel(attributes[BINDS_LABEL]) : undefined;
  if (request === undefined || request.owner !== owner || request.mounts.length === 0) {
    return undefined;
  }
  const name = attributes["name"] ?? before?.name ?? "";
  const autoRemove = before?.autoRemove ?? false;
  return { id, name, running: action === "start", autoRemove, mounts: request.mounts };
}
