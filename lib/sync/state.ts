/**
 * What has to outlive the process: what each session is, and what its two sides agreed on last.
 *
 * A session has a directory: `session.json`, replaced as a whole (write, fsync, rename), and
 * `agreed.ndjson`, to which changes are appended. A line cut short by a crash ends the file; what it
 * said, and anything after, is found out again by comparing the two sides. So an old or missing index
 * costs time and never a file.
 */
import { join } from "node:path";
import { AgentError, messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";
import { writeAll, writeAtomically } from "../system/atomic_file.ts";
import type { Agreed, EntryKind } from "./core/entry.ts";
import { statOrNothing } from "./local/tree.ts";
import type { SyncMode } from "./types.ts";

/** What `session.json` holds. */
export interface SessionRecord {
  readonly id: string;
  /** Absolute local path of a directory, or of the directory that holds the one file. */
  readonly root: string;
  /** The name of the one file, for a session of a single file. */
  readonly only?: string;
  readonly mode: SyncMode;
  readonly ignore: readonly string[];
  readonly remotePath: string;
  readonly staging: string;
  /** The remote host, as its transport describes it. */
  readonly remote: string;
  readonly lastSync?: number;
  /** Containers that use it: id and name. */
  readonly containers: Readonly<Record<string, string>>;
  /** The remote copy is a volume of the engine, and `remotePath` its name. */
  readonly volume?: boolean;
  /** Not for containers: modes stay what they are. */
  readonly plain?: boolean;
}

const SESSION_FILE = "session.json";
const INDEX_FILE = "agreed.ndjson";
/** Lines beyond twice the entries, and this many, are worth rewriting the file. */
const SLACK_LINES = 1_000;
const READ_BYTES = 64 * 1024;
/** Characters of the index that are written at once. */
const WRITE_CHARS = 256 * 1024;
const encoder = new TextEncoder();

/** Reads the record of a session; nothing if there is none that can be read. */
export function readSession(directory: string): SessionRecord | undefined {
  try {
    const value: unknown = JSON.parse(Deno.readTextFileSync(join(directory, SESSION_FILE)));
    return isRecord(value) ? value : undefined;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function isRecord(value: unknown): value is SessionRecord {
  if (typeof value !== "object" || value === null) return false;
  const { id, root, remotePath, staging, containers } = value as Record<string, unknown>;
  return [id, root, remotePath, staging].every((one) => typeof one === "string") &&
    typeof containers === "object" && containers !== null;
}

/** Writes the record of a session, making its directory. */
export function writeSession(directory: string, record: SessionRecord): void {
  try {
    Deno.mkdirSync(directory, { recursive: true, mode: 0o700 });
    writeAtomically(join(directory, SESSION_FILE), `${JSON.stringify(record, null, 2)}\n`);
  } catch (error) {
    throw new AgentError("engine", `Cannot keep state in "${directory}": ${messageOf(error)}`, {
      cause: error,
      hint: "make room and let it be written to, or name another place with XDG_STATE_HOME",
    });
  }
}

type Line =
  | readonly [string]
  | readonly [
    path: string,
    kind: EntryKind,
    mode: number,
    size: number,
    content: string,
    localStamp: string,
    remoteStamp: string,
  ];

/** The agreements of one session, in memory and on disk. One owner, who alone writes the file. */
export class AgreedIndex {
  readonly #path: string;
  readonly #log: Logger;
  readonly #entries = new Map<string, Agreed>();
  #pending: string[] = [];
  #lines = 0;
  #cleared = 0;
  /** The file ends in a broken line: it is rewritten before anything is appended. */
  #broken = false;
  /** Which file it was, and how long, when it was last read or written here. */
  #identity = "";

  constructor(directory: string, log: Logger) {
    this.#path = join(directory, INDEX_FILE);
    this.#log = log;
    this.#load();
  }

  /** Reads the file again if another process has written to it, and tells whether that was so. */
  refresh(): boolean {
    if (this.#identify() === this.#identity) return false;
    this.#entries.clear();
    this.#pending = [];
    this.#lines = 0;
    this.#load();
    return true;
  }

  /** What is agreed, by path. */
  get entries(): ReadonlyMap<string, Agreed> {
    return this.#entries;
  }

  /** How often everything was forgotten. */
  get cleared(): number {
    return this.#cleared;
  }

  /** Records an agreement, or with nothing that the path is in neither place. Not on disk yet. */
  set(path: string, agreed: Agreed | undefined): void {
    if (agreed === undefined) {
      if (!this.#entries.delete(path)) return;
      this.#pending.push(`${JSON.stringify([path] satisfies Line)}\n`);
      return;
    }
    this.#entries.set(path, agreed);
    this.#pending.push(lineOf(path, agreed));
  }

  /** Forgets everything, so that nothing can be taken for deleted. */
  clear(): void {
    this.#cleared++;
    this.#entries.clear();
    this.#pending = [];
    this.#broken = true;
    this.save();
  }

  /** Brings what has changed to the disk. */
  save(): void {
    if (this.#pending.length === 0 && !this.#broken) return;
    this.#lines += this.#pending.length;
    if (this.#broken || this.#lines > 2 * this.#entries.size + SLACK_LINES) {
      this.#rewrite();
    } else {
      using file = Deno.openSync(this.#path, { append: true, create: true, mode: 0o600 });
      writeAll(file, encoder.encode(this.#pending.join("")));
      file.syncDataSync();
    }
    this.#pending = [];
    this.#identity = this.#identify();
  }

  #identify(): string {
    const info = statOrNothing(this.#path);
    return info === undefined ? "" : `${info.ino} ${info.size} ${info.mtime?.getTime()}`;
  }

  #rewrite(): void {
    writeAtomically(this.#path, this.#texts());
    this.#lines = this.#entries.size;
    this.#broken = false;
  }

  /** All lines, a good many at a time. */
  *#texts(): Generator<string> {
    let text = "";
    for (const [path, agreed] of this.#entries) {
      text += lineOf(path, agreed);
      if (text.length < WRITE_CHARS) continue;
      yield text;
      text = "";
    }
    yield text;
  }

  #load(): void {
    this.#identity = this.#identify();
    this.#broken = false;
    if (this.#identity === "") return;
    try {
      for (const { text, isWhole } of linesOf(this.#path)) {
        // After the last newline there is nothing, or a line that was cut short.
        if (!isWhole) this.#broken = true;
        else {
          this.#read(JSON.parse(text));
          this.#lines++;
        }
      }
    } catch (error) {
      this.#log.warn("The index of a sync session is damaged; what it lacks is compared again", {
        file: this.#path,
        error: messageOf(error),
      });
      this.#broken = true;
    }
  }

  #read(line: Line): void {
    if (line.length === 1) return void this.#entries.delete(line[0]);
    const [path, kind, mode, size, content, localStamp, remoteStamp] = line;
    if (typeof path !== "string" || typeof size !== "number" || typeof content !== "string") {
      throw new Error("A line has an unknown form");
    }
    this.#entries.set(path, { entry: { kind, mode, size, content }, localStamp, remoteStamp });
  }
}

/** The lines of a file, read piece by piece: the whole of it may be larger than what it says. */
function* linesOf(path: string): Generator<{ readonly text: string; readonly isWhole: boolean }> {
  using file = Deno.openSync(path);
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(READ_BYTES);
  let rest = "";
  for (let length = file.readSync(buffer); length !== null; length = file.readSync(buffer)) {
    const lines = (rest + decoder.decode(buffer.subarray(0, length), { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const text of lines) yield { text, isWhole: true };
  }
  if (rest !== "") yield { text: rest, isWhole: false };
}

function lineOf(path: string, { entry, localStamp, remoteStamp }: Agreed): string {
  const { kind, mode, size, content = "" } = entry;
  const line: Line = [path, kind, mode, size, content, localStamp, remoteStamp];
  return `${JSON.stringify(line)}\n`;
}
