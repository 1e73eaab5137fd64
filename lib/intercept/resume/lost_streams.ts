/**
 * Streams that took a connection over (attach, exec) and cannot be gone on with. Who has one, and over
 * which connection to the remote host, is noted until that connection is forgotten.
 */

/** See the file comment. */
export class LostStreams {
  readonly #connection: () => object | undefined;
  readonly #ids = new WeakMap<object, Set<string>>();
  /** The connections before the present one; an older loss has been told long ago. */
  #lastConnections: object[] = [];

  /** `connection` gives what stands for the one that is up. */
  constructor(connection: () => object | undefined) {
    this.#connection = connection;
  }

  /**
   * A stream of `id` has begun over the connection that is up, in the place of any before it. `id` is
   * as the client wrote it.
   */
  note(id: string): void {
    const connection = this.#connection();
    if (connection === undefined) return;
    this.forget(id);
    let ids = this.#ids.get(connection);
    if (ids === undefined) {
      this.#ids.set(connection, ids = new Set());
      this.#lastConnections = [connection, ...this.#lastConnections].slice(0, 4);
    }
    ids.add(id);
  }

  /** What was lost has been told. */
  forget(id: string): void {
    for (const each of this.#lastConnections) this.#ids.get(each)?.delete(id);
  }

  /** Whether a stream of `id` began over a connection that is gone. */
  has(id: string): boolean {
    const current = this.#connection();
    return this.#lastConnections.some((each) => each !== current && this.#ids.get(each)?.has(id));
  }
}
