/**
 * Local ports of containers on disk, so that an agent that was killed gives them back. Each container
 * has a small file of its own, replaced as a whole: agents that share the directory need no lock. What
 * is lost costs a container the port it had, so nothing is synced, and no failure stops a start.
 */
import { join } from "node:path";
import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { replaceFileSync } from "../system/replace_file.ts";

/** Files kept; of more, those that were written longest ago go. */
const MAX_FILES = 1024;
/** Between two counts of the files. */
const WRITES_PER_COUNT = 128;
/** A container of a thousand ports takes 40 KiB. */
const MAX_BYTES = 256 * 1024;
/** What may become the name of a file: the id of a container. */
const ID = /^[0-9a-f]{64}$/;

/** See the file comment. */
export class PortFiles {
  readonly #directory: string;
  readonly #log: Logger;
  #writes = 0;
  #hasFailed = false;

  /** The directory is made with the first file. */
  constructor(directory: string, log: Logger) {
    this.#directory = directory;
    this.#log = log;
  }

  /** What was kept for `id`; empty where there is nothing that can be read. */
  read(id: string): Map<string, number> {
    if (!ID.test(id)) return new Map();
    try {
      const path = this.#pathOf(id);
      if (Deno.statSync(path).size > MAX_BYTES) return new Map();
      const value: unknown = JSON.parse(Deno.readTextFileSync(path));
      const entries = typeof value === "object" && value !== null ? Object.entries(value) : [];
      return new Map(entries.filter(([, port]) => isPort(port)));
    } catch (error) {
      // Torn by a power cut, it says as little as none.
      if (!(error instanceof Deno.errors.NotFound || error instanceof SyntaxError)) {
        this.#tell(error);
      }
      return new Map();
    }
  }

  /** Keeps the ports of `id`; of anything but a container, nothing is kept. */
  write(id: string, ports: ReadonlyMap<string, number>): void {
    if (!ID.test(id)) return;
    const path = this.#pathOf(id);
    const temporary = `${path}.${crypto.randomUUID().slice(0, 8)}`;
    try {
      Deno.mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      if (this.#writes++ % WRITES_PER_COUNT === 0) this.#makeRoom();
      const text = JSON.stringify(Object.fromEntries(ports));
      Deno.writeTextFileSync(temporary, text, { createNew: true, mode: 0o600 });
      replaceFileSync(temporary, path);
    } catch (error) {
      this.#remove(temporary);
      this.#tell(error);
    }
  }

  /** The container is gone. */
  remove(id: string): void {
    if (ID.test(id)) this.#remove(this.#pathOf(id));
  }

  #pathOf(id: string): string {
    return join(this.#directory, id);
  }

  #makeRoom(): void {
    const names = [...Deno.readDirSync(this.#directory)].map(({ name }) => name);
    if (names.length < MAX_FILES) return;
    const aged = names.map((name) => ({ name, at: this.#writtenAt(name) }));
    aged.sort((a, b) => a.at - b.at);
    for (const { name } of aged.slice(0, names.length - MAX_FILES + WRITES_PER_COUNT)) {
      this.#remove(join(this.#directory, name));
    }
  }

  #writtenAt(name: string): number {
    try {
      return Deno.statSync(join(this.#directory, name)).mtime?.getTime() ?? 0;
    } catch {
      return 0; // gone meanwhile
    }
  }

  #remove(path: string): void {
    try {
      Deno.removeSync(path);
    } catch {
      // It was not there, which is all that is asked.
    }
  }

  #tell(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.#log.warn(
      `Cannot keep local ports in "${this.#directory}": ${messageOf(error)}; after a restart, ` +
        "containers may get others",
    );
  }
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 65535;
}
