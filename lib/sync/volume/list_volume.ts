/** What is in a volume, by reading all of it: there is no other way to list what is in a container. */
import type { Listed, Listing } from "../files/list_files.ts";
import { ByteReader } from "../byte_reader.ts";
import { contentHash } from "../transfer/content_hash.ts";
import { type TarEntry, TarReader } from "../transfer/tar_read.ts";
import { type ReadBody, type Volume, VolumeGone } from "./volume.ts";
import { volumeStamp } from "./volume_stamp.ts";

/** A path of a volume. */
export type VolumeEntry = Pick<Listed, "letter" | "stamp" | "path" | "target" | "isUnreadable">;

const LETTERS = { dir: "d", file: "f", link: "l", other: "?" } as const;

/** Everything in a volume; nothing if the volume is not, or was not there. Throws `AgentError`. */
export async function listVolume(
  volume: Volume,
  signal: AbortSignal | undefined,
): Promise<Listing<VolumeEntry> | undefined> {
  // One that was not there before is empty for another reason than that all was deleted.
  if (volume.takeNew()) return undefined;
  try {
    const entries = await listBelow(volume, "", signal);
    // Stamps that prove the content are good whenever they were taken.
    return entries && { began: Infinity, entries: [...entries.values()] };
  } catch (error) {
    if (error instanceof VolumeGone) return undefined;
    throw error;
  }
}

/** What is at a path and below it, without the root itself; nothing if nothing is there. */
export async function listBelow(
  volume: Volume,
  top: string,
  signal: AbortSignal | undefined,
): Promise<Map<string, VolumeEntry> | undefined> {
  return await volume.read(top, (read) => new ArchiveListing(top).readFrom(read), signal);
}

/** The path of an entry in the archive of `top`, whose names begin with the last one of `top`. */
export function pathIn(top: string, name: string): string {
  const clean = name.replace(/\/+$/, "");
  const slash = clean.indexOf("/");
  const below = slash < 0 ? "" : clean.slice(slash + 1);
  return top === "" || below === "" ? top + below : `${top}/${below}`;
}

class ArchiveListing {
  readonly #top: string;
  readonly #found = new Map<string, VolumeEntry>();

  constructor(top: string) {
    this.#top = top;
  }

  async readFrom(read: ReadBody): Promise<Map<string, VolumeEntry>> {
    const archive = new TarReader(new ByteReader({ read }));
    for (let entry = await archive.next(); entry !== null; entry = await archive.next()) {
      const path = pathIn(this.#top, entry.name);
      if (path !== "") this.#found.set(path, await this.#entry(path, entry, archive));
    }
    return this.#found;
  }

  async #entry(path: string, entry: TarEntry, archive: TarReader): Promise<VolumeEntry> {
    const { kind, mode, mtime, size, link } = entry;
    if (kind === "hardlink") {
      const first = this.#found.get(pathIn(this.#top, link));
      return first === undefined ? { ...UNKNOWN, path } : { ...first, path };
    }
    const content = kind === "file" ? await hashed(archive) : kind === "link" ? link : "";
    const state = { kind: kind === "other" ? "file" : kind, mode, size, mtime, content } as const;
    const target = kind === "link" ? link : "";
    return { letter: LETTERS[kind], stamp: volumeStamp(state), path, target, isUnreadable: false };
  }
}

/** A hard link to what is not in the archive. */
const UNKNOWN: Omit<VolumeEntry, "path"> = {
  letter: LETTERS.other,
  stamp: volumeStamp({ kind: "dir", mode: 0, size: 0, mtime: 0, content: "" }),
  target: "",
  isUnreadable: false,
};

async function hashed(archive: TarReader): Promise<string> {
  const hash = contentHash();
  for (let bytes = await archive.data(); bytes !== null; bytes = await archive.data()) {
    hash.add(bytes);
  }
  return hash.end();
}
