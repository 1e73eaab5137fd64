/**
 * Duplex: a two-way byte stream whose two directions end independently. Every connection in the
 * program (client socket, SSH channel, TLS, in-memory pair) is one of these, and whoever holds it
 * owns it: the holder closes it, or hands it over and never touches it again.
 */

/** See the file comment. All methods may be called after the end; none throws synchronously. */
export interface Duplex {
  /**
   * The next bytes, or `null` once the peer has ended its direction. The returned array belongs to
   * the caller. One read at a time. Rejects when the stream fails or is closed under the read.
   */
  read(): Promise<Uint8Array | null>;

  /**
   * Writes all of `chunk`, which belongs to the stream from here on (but see {@link givesBack});
   * settles when the stream can take more, so that a slow reader holds back the writer. One write at
   * a time.
   */
  write(chunk: Uint8Array): Promise<void>;

  /** Whether a chunk is the writer's again once its `write` has settled. Default: no. */
  readonly givesBack?: boolean;

  /** Ends our direction (TCP FIN, SSH EOF); reading goes on. Idempotent, never rejects. */
  closeWrite(): Promise<void>;

  /** Ends both directions at once and frees the resource. Idempotent. */
  close(): void;

  /** Settles, never rejecting, once the resource is freed, whoever closed it. */
  readonly closed: Promise<void>;

  /**
   * Whether the piece read last, if it is a large one (`discard.ts`), has its memory to itself.
   * Default: no.
   */
  readonly readsSole?: boolean;
}
