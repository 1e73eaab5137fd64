/**
 * The label that a container carries on the remote host so that its bind mounts are known again,
 * whichever agent sees it next: whose it is, and what was asked for. Users never see it.
 */
import { posix } from "node:path";
import {
  encodeJson,
  isObject,
  type Json,
  type JsonObject,
  parseJson,
} from "../../docker/json_body.ts";
import { SYNC_MODES, type SyncMode } from "../../sync/types.ts";

/** Begins the names of all labels of ours. */
export const LABELS = "remote-docker-agent.";
/** The name of the label. */
export const BINDS_LABEL: string = `${LABELS}binds`;

/** One mount whose source is another one on the remote host. */
export interface BoundMount {
  /** In the container, as the engine writes it. */
  readonly target: string;
  /** As it was asked for. */
  readonly source: string;
  /** What is mounted instead. */
  readonly remote: string;
  /** That is the name of a volume. */
  readonly isVolume?: boolean;
  /** The sync session that keeps it; absent for the socket of the engine. */
  readonly session?: string;
  /** What the session was made of, so that it can be made again; see `revival.ts`. */
  readonly local?: string;
  readonly readOnly?: boolean;
  readonly mode?: SyncMode;
}

/** What a container was asked to mount. */
export interface BindRequest {
  /** The agent's user; see `ownerId`. */
  readonly owner: string;
  readonly mounts: readonly BoundMount[];
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The value of the label. */
export function encodeBindLabel({ owner, mounts }: BindRequest): string {
  return decoder.decode(encodeJson({ owner, mounts: mounts.map((mount) => ({ ...mount })) }));
}

/** Reads the label; nothing for one that no agent wrote. */
export function decodeBindLabel(text: Json | undefined): BindRequest | undefined {
  if (typeof text !== "string" || text === "") return undefined;
  try {
    const value = parseJson(encoder.encode(text));
    if (!isObject(value)) return undefined;
    const { owner, mounts } = value;
    if (typeof owner !== "string" || !Array.isArray(mounts)) return undefined;
    const read = mounts.map((mount) => isObject(mount) ? mountOf(mount) : undefined);
    return { owner, mounts: read.filter((mount) => mount !== undefined) };
  } catch {
    // Not JSON: written by somebody else.
    return undefined;
  }
}

function mountOf(value: JsonObject): BoundMount | undefined {
  const { target, source, remote, isVolume, session, local, readOnly } = value;
  if (typeof target !== "string" || typeof source !== "string" || typeof remote !== "string") {
    return undefined;
  }
  const mode = SYNC_MODES.find((each) => each === value["mode"]);
  return {
    target,
    source,
    remote,
    ...(isVolume === true ? { isVolume } : {}),
    ...(typeof session === "string" ? { session } : {}),
    ...(typeof local === "string" ? { local } : {}),
    ...(typeof readOnly === "boolean" ? { readOnly } : {}),
    ...(mode === undefined ? {} : { mode }),
  };
}

/** A target as the engine writes it. */
export function cleanTarget(target: string): string {
  const clean = posix.normalize(target);
  return clean.length > 1 ? clean.replace(/\/$/, "") : clean;
}

/** The sessions of a request, each once. */
export function sessionsOf(request: Pick<BindRequest, "mounts"> | undefined): string[] {
  const ids = request?.mounts.flatMap(({ session }) => session === undefined ? [] : [session]);
  return [...new Set(ids)];
}
