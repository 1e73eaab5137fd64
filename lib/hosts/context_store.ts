/**
 * Contexts of the docker command line that lead to remote hosts of ours, in the store that docker itself
 * keeps (`contexts/meta/SHA-256 OF THE NAME/meta.json` below its directory, and `currentContext` in
 * `config.json`). Those that are not ours are never changed. All writes are atomic.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { isObject, type JsonObject, parseJson } from "../docker/json_body.ts";
import { AgentError, messageOf } from "../errors.ts";
import { writeAtomically } from "../system/atomic_file.ts";

/** The field of a context's metadata that makes it ours; docker keeps fields it does not know. */
const MARK = "remote-docker-agent";
/** Docker's own context, which is no file. */
const DEFAULT = "default";

/** One context of ours. */
export interface HostContext {
  readonly name: string;
  /** A value of `DOCKER_HOST`. */
  readonly endpoint: string;
  /** What `docker context ls` shows of it. */
  readonly description: string;
}

/** See the file comment. */
export class ContextStore {
  readonly #directory: string;

  /** `directory` is docker's own, such as `~/.docker`. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Those of ours, by name. */
  async list(): Promise<HostContext[]> {
    const found: HostContext[] = [];
    const root = join(this.#directory, "contexts", "meta");
    try {
      for await (const { name } of Deno.readDir(root)) {
        const meta = await readObject(join(root, name, "meta.json"));
        if (meta !== undefined && isOurs(meta)) found.push(contextOf(meta));
      }
    } catch (error) {
      // Nobody has ever made one.
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
    return found.sort((a, b) => a.name.localeCompare(b.name));
  }

  /** The name of the context that docker uses unless told otherwise. */
  async current(): Promise<string> {
    const { currentContext } = await this.#readConfig();
    return typeof currentContext === "string" && currentContext !== "" ? currentContext : DEFAULT;
  }

  /** Makes one, or brings one of ours up to date. */
  async add({ name, endpoint, description }: HostContext): Promise<void> {
    const meta = await this.#read(name);
    if (meta !== undefined && !isOurs(meta)) throw foreign(name);
    await this.#write(name, {
      Name: name,
      Metadata: { Description: description, [MARK]: { host: name } },
      Endpoints: { docker: { Host: endpoint, SkipTLSVerify: false } },
    });
  }

  /** Changes the description of one, if there is one of ours; returns whether there is. */
  async describe(name: string, description: string): Promise<boolean> {
    const meta = await this.#read(name);
    if (meta === undefined || !isOurs(meta)) return false;
    const metadata = isObject(meta["Metadata"]) ? meta["Metadata"] : {};
    if (metadata["Description"] === description) return true;
    await this.#write(name, { ...meta, Metadata: { ...metadata, Description: description } });
    return true;
  }

  /** Removes one; the one in use stays, as with docker. */
  async remove(name: string): Promise<void> {
    await this.#own(name);
    if (await this.current() === name) {
      throw new AgentError("usage", `Context "${name}" is in use`, {
        hint: `use another one first: remote-docker-agent context use ${DEFAULT}`,
      });
    }
    await Deno.remove(dirname(this.#path(name)), { recursive: true });
  }

  /** Makes docker use one of ours, or its own, from now on. */
  async use(name: string): Promise<void> {
    if (name !== DEFAULT) await this.#own(name);
    const { currentContext: _old, ...rest } = await this.#readConfig();
    const config: JsonObject = name === DEFAULT ? rest : { ...rest, currentContext: name };
    // As docker writes it.
    await replace(await realPath(this.#config), JSON.stringify(config, null, "\t"), 0o600);
  }

  async #own(name: string): Promise<void> {
    const meta = await this.#read(name);
    if (meta === undefined) {
      throw new AgentError("usage", `There is no context "${name}"`, {
        hint: "context ls shows the names, and context add makes one",
      });
    }
    if (!isOurs(meta)) throw foreign(name);
  }

  get #config(): string {
    return join(this.#directory, "config.json");
  }

  #path(name: string): string {
    const folder = createHash("sha256").update(name).digest("hex");
    return join(this.#directory, "contexts", "meta", folder, "meta.json");
  }

  #read(name: string): Promise<JsonObject | undefined> {
    return readObject(this.#path(name));
  }

  async #readConfig(): Promise<JsonObject> {
    return await readObject(this.#config) ?? {};
  }

  async #write(name: string, meta: JsonObject): Promise<void> {
    await replace(this.#path(name), JSON.stringify(meta), 0o644);
  }
}

function isOurs({ Metadata: metadata }: JsonObject): boolean {
  return isObject(metadata) && isObject(metadata[MARK]);
}

function contextOf(
  { Name: name, Metadata: metadata, Endpoints: endpoints }: JsonObject,
): HostContext {
  const docker = isObject(endpoints) ? endpoints["docker"] : undefined;
  const host = isObject(docker) ? docker["Host"] : undefined;
  const description = isObject(metadata) ? metadata["Description"] : undefined;
  const text = (value: unknown) => typeof value === "string" ? value : "";
  return { name: text(name), endpoint: text(host), description: text(description) };
}

function foreign(name: string): AgentError {
  return new AgentError("usage", `Context "${name}" is not one of ours`, {
    hint: "rename the host, or remove the context with docker context rm",
  });
}

/** `undefined` if there is no such file. */
async function readObject(path: string): Promise<JsonObject | undefined> {
  let bytes: Uint8Array;
  try {
    bytes = await Deno.readFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return;
    throw unusable("read", path, error);
  }
  try {
    const value = parseJson(bytes);
    if (isObject(value)) return value;
  } catch (cause) {
    throw unusable("read", path, new Error("it is not valid JSON", { cause }));
  }
  throw unusable("read", path, new Error("it is not a JSON object"));
}

/** A file that was there keeps its mode. */
async function replace(path: string, text: string, mode: number): Promise<void> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true, mode: 0o755 });
    writeAtomically(path, text, await modeOf(path) ?? mode);
  } catch (error) {
    throw unusable("write", path, error);
  }
}

async function modeOf(path: string): Promise<number | undefined> {
  try {
    const { mode } = await Deno.stat(path);
    return mode === null ? undefined : mode & 0o777;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A file that is a link stays one. */
async function realPath(path: string): Promise<string> {
  try {
    return await Deno.realPath(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return path;
    throw error;
  }
}

function unusable(verb: string, path: string, cause: unknown): AgentError {
  return new AgentError("config", `Cannot ${verb} "${path}": ${messageOf(cause)}`, { cause });
}
