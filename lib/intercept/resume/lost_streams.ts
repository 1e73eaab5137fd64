/**
 * Streams that took a connection over (attach, exec) and cannot be gone on with. Who has one, and over
 * which connection to the remote host, is noted until that connection is forgotten; so is what is known
 * of the end of one.
 */

/** Ends that are remembered; of more, the oldest are forgotten. */
const MAX_ENDS = 1024;

/** `cut`: before all of it had come. `seeming`: in good order, as far as could be told. */
export type StreamEnd = "cut" | "seeming";

/** See the file comment. */
export class LostStreams {
  readonly #connection: () => object | undefined;
  readonly #ids = new WeakMap<object, Set<string>>();
  /** The connections before the present one; an older loss has been told long ago. */
  #lastConnections: object[] = [];
  readonly #ends = new Map<string, StreamEnd>();
  /** What is open, and what becomes of it when it is not. */
  readonly #open = new Map<
    string,
    { count: number; readonly over: PromiseWithResolvers<void> }
  >();

  /** `connection` gives what stands for the one that is up. */
  constructor(connection: () => object | undefined) {
    this.#connection = connection;
  }

  /**
   * A stream of `id` has begun over the connection that is up, in the place of any before it. `id` is
   * as the client wrote it.
   */
  note(id: string): void {
    this.forget(id);
    const connection = this.#connection();
    if (connection === undefined) return;
    let ids = this.#ids.get(connection);
    if (ids === undefined) {
      this.#ids.set(connection, ids = new Set());
      this.#lastConnections = [connection, ...this.#lastConnections].slice(0, 4);
    }
    ids.add(id);
  }

  /** A stream of `id` is open until the result is called. */
  begin(id: string): () => void {
    const open = this.#open.get(id) ?? { count: 0, over: Promise.withResolvers<void>() };
    this.#open.set(id, open);
    open.count++;
    let isOpen = true;
    return () => {
      if (!isOpen) return;
      isOpen = false;
      if (--open.count > 0) return;
      this.#open.delete(id);
      open.over.resolve();
    };
  }

  /** Settles when nothing more comes of any stream of `id`, or after `ms`. */
  async whenOver(id: string, ms: number): Promise<void> {
    const open = this.#open.get(id);
    if (open === undefined) return;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    await Promise.race([open.over.promise, late]).finally(() => clearTimeout(timer));
  }

  /** The last stream of `id` has ended. */
  end(id: string, how: StreamEnd): void {
    this.#ends.delete(id);
    this.#ends.set(id, how);
    const [oldest] = this.#ends.keys();
    if (this.#ends.size > MAX_ENDS && oldest !== undefined) this.#ends.delete(oldest);
  }

  /** How it ended; `undefined` while it goes on, and where that is forgotten. */
  endOf(id: string): StreamEnd | undefined {
    return this.#ends.get(id);
  }

  /** What was lost has been told. */
  forget(id: string): void {
    this.#ends.delete(id);
    for (const each of this.#lastConnections) this.#ids.get(each)?.delete(id);
  }

  /** Whether a stream of `id` was cut, or began over a connection that is gone. */
  has(id: string): boolean {
    if (this.#ends.get(id) === "cut") return true;
    const current = this.#connection();
    return this.#lastConnections.some((each) => each !== current && this.#ids.get(each)?.has(id));
  }
}
