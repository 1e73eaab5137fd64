/**
 * The log in a file of bounded size: when it is full it becomes `FILE.1`, in the place of the one before.
 * The file is opened for each line, so that whoever moves or removes it does no harm.
 */
import { dirname } from "node:path";
import { quote } from "../config/values.ts";
import { AgentError } from "../errors.ts";
import { replaceFileSync } from "../system/replace_file.ts";
import { systemReason } from "../system/system_reason.ts";

/** Of the file and of the one before it, each. */
export const MAX_LOG_BYTES = 10_000_000;
const encoder = new TextEncoder();

/** See the file comment. */
export class LogFile {
  readonly #path: string;
  readonly #maxBytes: number;
  #size: number;

  /** Throws `AgentError` of kind `config` where it cannot be written. */
  constructor(path: string, maxBytes = MAX_LOG_BYTES) {
    this.#path = path;
    this.#maxBytes = maxBytes;
    try {
      Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      refusePipe(path);
      append(path, new Uint8Array());
      this.#size = Deno.statSync(path).size;
    } catch (cause) {
      const message = `Cannot write the log file ${quote(path)}: ${systemReason(cause)}`;
      throw new AgentError("config", message, { cause, hint: "name another one with --log-file" });
    }
  }

  /** Adds a line. Throws what the system says. */
  write(line: string): void {
    const bytes = encoder.encode(`${line}\n`);
    if (this.#size + bytes.length > this.#maxBytes) this.#makeRoom(bytes.length);
    append(this.#path, bytes);
    this.#size += bytes.length;
  }

  #makeRoom(bytes: number): void {
    // Others may have begun it anew.
    this.#size = sizeOf(this.#path);
    if (this.#size === 0 || this.#size + bytes <= this.#maxBytes) return;
    try {
      replaceFileSync(this.#path, `${this.#path}.1`);
    } catch {
      // Somebody holds one of the two open; what is new is worth more than what is old.
      Deno.truncateSync(this.#path);
    }
    this.#size = 0;
  }
}

/** Opening one waits for a reader, perhaps for ever. */
function refusePipe(path: string): void {
  if (isPipe(path)) throw new Error("it is a pipe");
}

function isPipe(path: string): boolean {
  try {
    return Deno.statSync(path).isFifo === true;
  } catch {
    return false; // there will be a file
  }
}

function append(path: string, bytes: Uint8Array): void {
  Deno.writeFileSync(path, bytes, { append: true, mode: 0o600 });
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0; // not there any more
  }
}
