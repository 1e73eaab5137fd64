/**
 * What has been delivered of a stream whose items carry a time: enough to ask for the stream again
 * from a little before its end and to leave out what is known. Times are nanoseconds since the epoch;
 * items may come a little out of order. Pure.
 */

/** Items that are older than the newest one by so much cannot come any more. */
const DISORDER_NS = 1_000_000_000n;
/** Of a flood, only so many items are remembered; they then reach back less far. */
const MAX_ITEMS = 16_384;

interface Item {
  readonly at: bigint;
  readonly span: bigint;
  readonly key: string;
}

/** See the file comment. */
export class SeenWindow {
  readonly #items: Item[] = [];
  /** Before this index, items are forgotten already. */
  #first = 0;
  #newest = 0n;
  /** Everything before this time has been delivered. */
  #floor: bigint | undefined;
  /** What is still to be left out after {@link replay}. */
  #known = new Map<string, number>();
  /** Until this item comes again, others of its span are older than the stream. */
  #start: Item | undefined;

  /** Where to ask from; `undefined` if nothing has been delivered. */
  get since(): bigint | undefined {
    return this.#floor ?? this.#items[this.#first]?.at;
  }

  /** The stream is about to come again from {@link since}. */
  replay(): void {
    this.#known = new Map();
    for (const { key } of this.#items.slice(this.#first)) {
      this.#known.set(key, (this.#known.get(key) ?? 0) + 1);
    }
    const oldest = this.#items[this.#first];
    this.#start = this.#floor === undefined && (oldest?.span ?? 1n) > 1n ? oldest : undefined;
  }

  /**
   * Takes an item; whether it is new, and so to be delivered. Its real time is less than `span`
   * nanoseconds after `at`.
   */
  isNew(at: bigint, key: string, span = 1n): boolean {
    if (this.#start !== undefined) {
      if (key !== this.#start.key && at === this.#start.at) return false;
      this.#start = undefined;
    }
    const known = this.#known.get(key) ?? 0;
    if (known > 0) {
      this.#known.set(key, known - 1);
      return false;
    }
    this.#items.push({ at, span, key });
    if (at > this.#newest) this.#newest = at;
    this.#forget();
    return true;
  }

  #forget(): void {
    for (;;) {
      const oldest = this.#items[this.#first];
      const many = this.#items.length - this.#first > MAX_ITEMS;
      if (oldest === undefined) break;
      // Of a flood within one span, some comes again rather than that any is lost.
      const end = oldest.at + (many ? 1n : oldest.span);
      if (!many && end > this.#newest - DISORDER_NS) break;
      if (this.#floor === undefined || end > this.#floor) this.#floor = end;
      this.#first++;
    }
    if (this.#first < MAX_ITEMS) return;
    this.#items.splice(0, this.#first);
    this.#first = 0;
  }
}

/** As the engine reads `since` and `until`: seconds with nine decimals. */
export function formatTime(ns: bigint): string {
  const digits = ns.toString().padStart(10, "0");
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** The `Date` of an answer (RFC 9110, section 6.6.1), which counts seconds. */
export function timeOfDate(date: string | undefined): bigint | undefined {
  const ms = Date.parse(date ?? "");
  return Number.isNaN(ms) ? undefined : BigInt(ms) * 1_000_000n;
}
