/**
 * The SHA-256 of large files, worked out by a thread of its own while they are sent: encrypting keeps
 * one core busy already. The thread reads each file for itself, out of the system's cache, and tells
 * which state of it that was. It is started when it is first needed; whoever makes a {@link LargeHashes}
 * disposes of it.
 */
import { localPath } from "../core/path_map.ts";
import type { Put } from "../core/plan.ts";
import { type ContentHash, type LocalTree, readContent, stampOf } from "../local/tree.ts";
import { LARGE_FILE_BYTES } from "./large_keep.ts";

/** For less than this a thread is not worth starting, which takes about 20 ms. */
const WORTH_BYTES = 64 * 1024 * 1024;

/** What the thread is sent, and what it says; without `hash` the file could not be read. */
interface Question {
  readonly id: number;
  readonly path: string;
}
interface Answer {
  readonly id: number;
  readonly states?: readonly Deno.FileInfo[];
  readonly hash?: string;
}

/** See the file comment. */
export class LargeHashes implements Disposable {
  readonly #tree: LocalTree;
  readonly #isWorthIt: boolean;
  readonly #waiting = new Map<number, (answer: Answer | undefined) => void>();
  #thread: Worker | undefined;
  #failed = false;
  #count = 0;

  constructor(tree: LocalTree, batches: readonly (readonly Put[])[]) {
    this.#tree = tree;
    let bytes = 0;
    for (const { entry } of batches.flat()) if (isLarge(entry.size)) bytes += entry.size;
    this.#isWorthIt = bytes >= WORTH_BYTES;
  }

  /** For `readContent`, of a file with that stamp; nothing if it is better hashed as it is read. */
  of(path: string, size: number, stamp: string): ContentHash | undefined {
    if (!this.#isWorthIt || !isLarge(size)) return undefined;
    const asked = this.#ask(localPath(this.#tree.root, path, this.#tree.platform));
    const end = async () => {
      const answer = await asked;
      if (answer === undefined) return await readContent(this.#tree, path, stamp);
      const isTheSame = answer.states?.every((state) => stampOf(state) === stamp);
      return isTheSame ? answer.hash : undefined;
    };
    return { add: () => {}, end };
  }

  /** Settles with nothing where there is no thread, or it has failed. Never rejects. */
  #ask(path: string): Promise<Answer | undefined> {
    if (this.#failed) return Promise.resolve(undefined);
    const { promise, resolve } = Promise.withResolvers<Answer | undefined>();
    const id = this.#count++;
    this.#waiting.set(id, resolve);
    this.#thread ??= this.#start();
    this.#thread.postMessage({ id, path } satisfies Question);
    return promise;
  }

  #start(): Worker {
    const source = new Blob([`(${serve})(globalThis)`], { type: "text/javascript" });
    const url = URL.createObjectURL(source);
    const thread = new Worker(url, { type: "module" });
    thread.onmessage = ({ data }: MessageEvent<Answer | "ready">) => {
      if (data === "ready") return URL.revokeObjectURL(url);
      this.#waiting.get(data.id)?.(data);
      this.#waiting.delete(data.id);
    };
    thread.onerror = (event) => {
      // It is done without the thread then.
      event.preventDefault();
      URL.revokeObjectURL(url);
      this[Symbol.dispose]();
    };
    return thread;
  }

  /** Ends the thread; what it has not answered yet is not answered by it. Idempotent. */
  [Symbol.dispose](): void {
    this.#failed = true;
    this.#thread?.terminate();
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }
}

function isLarge(size: number): boolean {
  return size >= LARGE_FILE_BYTES;
}

/** The parts of a worker's global scope that are used. */
interface Scope {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  postMessage(message: Answer | "ready"): void;
}

/** What the thread does. Its text is all that the thread has: it refers to nothing outside. */
async function serve(scope: Scope): Promise<void> {
  const { createHash } = await import("node:crypto");
  const buffer = new Uint8Array(256 * 1024);
  scope.onmessage = ({ data: { id, path } }) => {
    try {
      const file = Deno.openSync(path, { read: true });
      try {
        const before = file.statSync();
        const hash = createHash("sha256");
        for (let left = before.size; left > 0;) {
          const count = file.readSync(buffer.subarray(0, Math.min(left, buffer.length)));
          if (count === null) break;
          hash.update(buffer.subarray(0, count));
          left -= count;
        }
        scope.postMessage({ id, states: [before, file.statSync()], hash: hash.digest("hex") });
      } finally {
        file.close();
      }
    } catch {
      // The one who sends the file finds out why.
      scope.postMessage({ id });
    }
  };
  scope.postMessage("ready");
}
