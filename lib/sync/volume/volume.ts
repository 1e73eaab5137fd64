/**
 * A volume of the engine, and the way to its files where there is nothing but the engine's API: a
 * container that has the volume and is never started, whose files the archive endpoints read and write
 * (Docker Engine API, `/containers/{id}/archive`). Any image will do, since nothing in it is used.
 *
 * The helper is there while a session works or is watched; `rest` removes it.
 */
import type { EngineCalls, EngineReply } from "../../docker/engine_calls.ts";
import { isObject, type Json } from "../../docker/json_body.ts";
import { AgentError } from "../../errors.ts";
import type { Duplex } from "../../net/duplex.ts";
import { parentsOf } from "../core/entry.ts";
import { NameRefused } from "../remote/refused.ts";
import { type TarHeader, TarWriter } from "../transfer/tar_write.ts";
import { helperImage } from "./helper_image.ts";
import { type PathStat, pathStat } from "./path_stat.ts";
import { HELPER_LABEL, helperName, OWNER_LABEL, SESSION_LABEL } from "./volume_names.ts";

/** Where the helper has the volume; no image has anything there. */
const PLACE = "/remote-docker-agent.volume";
/** It never runs, but an image without a command asks for one. */
export const COMMAND = ["/remote-docker-agent.never-started"];

/** Reads a body piece by piece; `null` at the end. */
export type ReadBody = () => Promise<Uint8Array | null>;

/** The volume is not there. */
export class VolumeGone extends AgentError {
  constructor(name: string) {
    super("engine", `The volume "${name}" is not there`);
  }
}

/** What a volume belongs to. */
export interface VolumeOwner {
  readonly owner: string;
  readonly session: string;
  /** The owner and mode of the folder itself; nothing where there is none to be copied. */
  readonly rootHeader?: () => Pick<TarHeader, "uid" | "gid" | "mode"> | undefined;
}

/** See the file comment. */
export class Volume {
  readonly name: string;
  readonly session: string;
  readonly #engine: EngineCalls;
  readonly #labels: Record<string, string>;
  readonly #rootHeader: VolumeOwner["rootHeader"];
  #helper: Promise<void> | undefined;
  #isNew = false;

  constructor(engine: EngineCalls, name: string, { owner, session, rootHeader }: VolumeOwner) {
    this.#rootHeader = rootHeader;
    this.name = name;
    this.session = session;
    this.#engine = engine;
    this.#labels = { [OWNER_LABEL]: owner, [SESSION_LABEL]: session };
  }

  /** Makes it unless it is there. Returns where the host has it. */
  async make(signal: AbortSignal | undefined): Promise<string> {
    const found = await this.#place(signal);
    if (found !== undefined) return found;
    const json = { Name: this.name, Labels: this.#labels };
    const made = await this.#engine.json({ method: "POST", path: "/volumes/create", json, signal });
    if (made.value === undefined) throw refused("create a volume on", made);
    this.#isNew = true;
    return placeIn(made.value);
  }

  /** There is no helper of ours. */
  get isAtRest(): boolean {
    return this.#helper === undefined;
  }

  /** Whether it has been made and nobody has asked yet. */
  takeNew(): boolean {
    const isNew = this.#isNew;
    this.#isNew = false;
    return isNew;
  }

  async #place(signal: AbortSignal | undefined): Promise<string | undefined> {
    const reply = await this.#engine.json({ method: "GET", path: `/volumes/${this.name}`, signal });
    if (reply.status === 404) return undefined;
    if (reply.value === undefined) throw refused("look for a volume on", reply);
    return placeIn(reply.value);
  }

  /** Reads the archive of a path; nothing if nothing is there. Throws {@link VolumeGone}. */
  async read<T>(
    path: string,
    receive: (read: ReadBody) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T | undefined> {
    const reply = await this.#withHelper(
      () => this.#engine.call({ method: "GET", path: this.#archive(path), signal }, receive),
      signal,
    );
    if (reply.status === 404) return undefined;
    if (reply.value === undefined) throw refused("read files of", reply);
    return reply.value;
  }

  /** Whether something is at a path, which is not the root. */
  async has(path: string, signal: AbortSignal | undefined): Promise<boolean> {
    return await this.state(path, signal) !== undefined;
  }

  /** What is at a path, as far as that costs no more than a question; nothing if nothing is. */
  async state(path: string, signal: AbortSignal | undefined): Promise<PathStat | undefined> {
    await this.ready(signal);
    const call = { method: "HEAD", path: this.#archive(path), signal } as const;
    const reply = await this.#engine.call(call, () => Promise.resolve(null));
    if (reply.status === 404) return undefined;
    const stat = pathStat(reply.head.headers.get("X-Docker-Container-Path-Stat"));
    if (reply.status === 200 && stat !== undefined) return stat;
    throw refused("look at files of", reply);
  }

  /** Makes directories, which get the owner and the mode of the root. */
  async makeDirs(path: string, signal: AbortSignal | undefined): Promise<void> {
    const header = this.#rootHeader?.() ?? { mode: 0o755 };
    await this.write(async (to) => {
      const archive = new TarWriter(to);
      const mtime = Date.now() / 1000;
      for (const name of [...parentsOf(path)].reverse().concat(path)) {
        await archive.entry({ ...header, name, kind: "dir", mtime, size: 0 });
      }
      await archive.end();
    }, signal);
  }

  /** Unpacks an archive at the root. Throws `AgentError` with the engine's words. */
  async write(
    send: (to: Pick<Duplex, "write">) => Promise<void>,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await this.ready(signal);
    const reply = await this.#put(send, signal);
    if (reply.status === 200) return;
    const name = refusedPath(reply.message);
    const error = refused("copy to", reply);
    throw name === undefined ? error : new NameRefused(name, error);
  }

  /**
   * Removes a path; a directory, with what is in it, only if `isDir`. The API has no request for that. But what is
   * unpacked takes the place of what was there, and a hard link to itself cannot be made: the engine
   * removes the path, and then says that the target is missing. Whoever asks looks whether it is gone.
   */
  async remove(
    send: (to: Pick<Duplex, "write">) => Promise<void>,
    isDir: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    await this.#put(send, signal, { noOverwriteDirNonDir: isDir ? "0" : "1" });
  }

  /** Makes the helper if need be. Throws {@link VolumeGone}. */
  async ready(signal: AbortSignal | undefined): Promise<void> {
    this.#helper ??= this.#makeHelper(signal);
    try {
      await this.#helper;
    } catch (error) {
      this.#helper = undefined;
      throw error;
    }
  }

  /** Removes the helper. */
  async rest(signal: AbortSignal | undefined): Promise<void> {
    if (this.#helper === undefined) return;
    this.#helper = undefined;
    await this.#engine.json({ method: "DELETE", path: `${this.#container}?v=1&force=1`, signal });
  }

  /** Removes the volume. Throws `AgentError` if a container has it. */
  async destroy(signal: AbortSignal | undefined): Promise<void> {
    this.#helper = Promise.resolve();
    await this.rest(signal);
    const path = `/volumes/${this.name}`;
    const reply = await this.#engine.json({ method: "DELETE", path, signal });
    if (reply.status >= 400 && reply.status !== 404) throw refused("remove a volume of", reply);
  }

  get #container(): string {
    return `/containers/${helperName(this.name)}`;
  }

  #archive(path: string, more: Record<string, string> = {}): string {
    const query = new URLSearchParams({ path: path === "" ? PLACE : `${PLACE}/${path}`, ...more });
    return `${this.#container}/archive?${query}`;
  }

  async #put(
    send: (to: Pick<Duplex, "write">) => Promise<void>,
    signal: AbortSignal | undefined,
    options: Record<string, string> = { noOverwriteDirNonDir: "1" },
  ): Promise<EngineReply<null>> {
    const path = this.#archive("", options);
    return await this.#engine.call(
      { method: "PUT", path, send, signal },
      () => Promise.resolve(null),
    );
  }

  /** Somebody may have removed the helper, as `docker container prune` does. */
  async #withHelper<T>(
    ask: () => Promise<EngineReply<T>>,
    signal: AbortSignal | undefined,
  ): Promise<EngineReply<T>> {
    await this.ready(signal);
    const reply = await ask();
    if (reply.status !== 404 || !/no such container: \S/i.test(reply.message)) return reply;
    this.#helper = undefined;
    await this.ready(signal);
    return await ask();
  }

  async #makeHelper(signal: AbortSignal | undefined): Promise<void> {
    // The engine would make a volume that is missing, and it would look as if all had been deleted.
    if (await this.#place(signal) === undefined) throw new VolumeGone(this.name);
    const image = await helperImage(this.#engine, this.name, signal);
    const path = `/containers/create?name=${helperName(this.name)}`;
    const json = this.#description(image);
    const reply = await this.#engine.json({ method: "POST", path, json, signal });
    // One that a killed agent has left is as good.
    if (reply.value === undefined && reply.status !== 409) {
      throw refused("create a container for the files of", reply);
    }
    await this.#dressRoot(signal);
  }

  /** In an archive for the volume itself the engine passes over its root. */
  async #dressRoot(signal: AbortSignal | undefined): Promise<void> {
    const header = this.#rootHeader?.();
    if (header === undefined) return;
    const path = `${this.#container}/archive?path=/`;
    const send = async (to: Pick<Duplex, "write">) => {
      const archive = new TarWriter(to);
      const mtime = Date.now() / 1000;
      await archive.entry({ ...header, name: PLACE.slice(1), kind: "dir", mtime, size: 0 });
      await archive.end();
    };
    const call = { method: "PUT", path, send, signal } as const;
    const reply = await this.#engine.call(call, () => Promise.resolve(null));
    if (reply.status !== 200) throw refused("copy to", reply);
  }

  #description(image: string): Json {
    const mount = {
      Type: "volume",
      Source: this.name,
      Target: PLACE,
      VolumeOptions: { NoCopy: true },
    };
    return {
      Image: image,
      Cmd: COMMAND,
      Labels: { ...this.#labels, [HELPER_LABEL]: "files" },
      NetworkDisabled: true,
      HostConfig: { Mounts: [mount], NetworkMode: "none", LogConfig: { Type: "none" } },
    };
  }
}

function placeIn(volume: Json): string {
  const place = isObject(volume) ? volume["Mountpoint"] : undefined;
  return typeof place === "string" ? place : "";
}

/** The path that the file system there cannot have, as the engine's complaint ends. */
function refusedPath(message: string): string | undefined {
  const reasons = "file name too long|invalid argument|illegal byte sequence|invalid or incomplete";
  const complaint = new RegExp(` ${PLACE}/(.+): (?:${reasons})`, "s");
  return complaint.exec(message)?.[1];
}

/** The error for an answer that is none; recognises a full disk. `action` is like "copy to". */
export function refused(action: string, { status, message }: EngineReply<unknown>): AgentError {
  if (/no space left|quota exceeded/i.test(message)) {
    return new AgentError("engine", `Cannot ${action} the remote host: its disk is full`, {
      hint: "free some space there; nothing was changed on this machine",
    });
  }
  const said = message === "" ? `status ${status}` : message;
  return new AgentError("engine", `Cannot ${action} the remote host: ${said}`);
}
