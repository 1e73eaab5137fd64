/** A stream of the engine that can be asked for again from where it was cut off. */

/** Follows one stream over all connections it comes on. Pure. */
export interface Resumption {
  /** The query to ask with: at first, and again after {@link restart}. */
  query(): URLSearchParams;
  /** The answer has begun; `date` is its `Date` header. */
  begin(date: string | undefined): void;
  /** What to deliver of the next bytes. */
  push(data: Uint8Array): Uint8Array[];
  /** What to deliver at the orderly end. */
  rest(): Uint8Array[];
  /** A message of our own for its reader; absent where there is no place for one. */
  says?(words: string): Uint8Array;
  /** The stream was cut off; what comes next is the answer to {@link query}. */
  restart(): void;
}
