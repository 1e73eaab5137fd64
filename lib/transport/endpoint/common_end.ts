/**
 * Tells the end of one connection from the end of all. A gateway or guest that goes away may end its
 * connections in good order: an answer would seem broken, and a session in a container over. But all of
 * them end at once; who reads from them is told that the host is lost. So is who reads from one that was
 * cut off by itself, by a reset, because the system has given up on the peer or, with TLS, without a
 * farewell.
 */
import { AgentError, errorCode, isClosedError } from "../../errors.ts";
import type { Duplex } from "../../net/duplex.ts";
import { sleep } from "../../system/sleep.ts";

/** How far apart ends may be that have one cause. */
const TOGETHER_MS = 25;
/** How long others are waited for. */
const SETTLE_MS = 5;
/** What the system says of a peer that it cannot reach any more, see tcp(7). */
const GIVEN_UP = new Set(["ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"]);

/** A connection that has said something; others, such as spare ones, prove nothing. */
interface Watched {
  endedAt: number | undefined;
  /** Somebody would notice its end. */
  isRead: boolean;
  /** Whoever reads from it has closed it. */
  isClosed: boolean;
  /** Whether its end was the end of all: judged once. */
  verdict?: Promise<boolean>;
}

/** See the file comment. Owns no connection. */
export class CommonEnd {
  readonly #onAll: () => void;
  readonly #now: () => number;
  readonly #watched = new Set<Watched>();
  readonly #never = new AbortController();

  /**
   * `onAll` is called when all have ended, perhaps several times; `now` is in milliseconds since some
   * moment, `performance.now` unless given.
   */
  constructor(onAll: () => void, now: () => number = () => performance.now()) {
    this.#onAll = onAll;
    this.#now = now;
  }

  /**
   * The same stream; a read rejects with kind `lost` at a cut, unless that is to be taken for an end, and
   * at an end that was the end of all.
   */
  watch(duplex: Duplex, { takesCutsForEnds = false } = {}): Duplex {
    this.#forget(this.#now() - TOGETHER_MS);
    const watched: Watched = { endedAt: undefined, isRead: false, isClosed: false };
    void duplex.closed.then(() => watched.endedAt ??= this.#now());
    return {
      // The pieces themselves are passed on.
      get readsSole() {
        return duplex.readsSole === true;
      },
      get givesBack() {
        return duplex.givesBack === true;
      },
      read: () => this.#read(duplex, watched, takesCutsForEnds),
      write: (chunk) => duplex.write(chunk),
      closeWrite: () => duplex.closeWrite(),
      close: () => {
        watched.isClosed = true;
        // One that has ended before goes on to prove that it has.
        if (watched.endedAt === undefined) this.#watched.delete(watched);
        duplex.close();
      },
      closed: duplex.closed,
    };
  }

  async #read(
    duplex: Duplex,
    watched: Watched,
    takesCutsForEnds: boolean,
  ): Promise<Uint8Array | null> {
    let chunk: Uint8Array | null;
    try {
      watched.isRead = true;
      chunk = await duplex.read();
    } catch (error) {
      if (takesCutsForEnds && error instanceof Deno.errors.UnexpectedEof) {
        return await this.#end(watched);
      }
      return await (isCut(error) ? this.#end(watched, error) : Promise.reject(error));
    } finally {
      watched.isRead = false;
    }
    if (chunk === null) return await this.#end(watched);
    this.#watched.add(watched);
    return chunk;
  }

  /** What the reader of an ended connection gets. */
  async #end(watched: Watched, error?: unknown): Promise<null> {
    watched.verdict ??= watched.isClosed ? Promise.resolve(false) : this.#judge(watched);
    const isAll = await watched.verdict;
    if (isAll || (error !== undefined && !watched.isClosed)) {
      throw new AgentError("lost", "The connection to the remote host was lost", { cause: error });
    }
    if (error !== undefined) throw error;
    return null;
  }

  async #judge(own: Watched): Promise<boolean> {
    if (!this.#watched.has(own)) return false;
    own.endedAt ??= this.#now();
    this.#forget(own.endedAt - TOGETHER_MS);
    if (this.#watched.size < 2) return false;
    await sleep(SETTLE_MS, this.#never.signal);
    const all = [...this.#watched];
    const lives = all.some((each) => each.endedAt === undefined && each.isRead);
    const alone = all.every((each) => each === own || each.endedAt === undefined);
    if (lives || alone) return false;
    this.#onAll();
    return true;
  }

  #forget(endedBefore: number): void {
    for (const each of this.#watched) {
      if (each.endedAt !== undefined && each.endedAt < endedBefore) this.#watched.delete(each);
    }
  }
}

function isCut(error: unknown): boolean {
  return isClosedError(error) || GIVEN_UP.has(errorCode(error));
}
