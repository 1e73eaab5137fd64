/** `/events` over several connections: each event once, by its time and its text. Pure. */
import { LineSplitter } from "../../docker/json_lines.ts";
import type { Resumption } from "./resumption.ts";
import { formatTime, SeenWindow, timeOfDate } from "./seen_window.ts";

const decoder = new TextDecoder();
/** A quote within a string is escaped, so this can only be the field's name. */
const TIME = /"timeNano":(\d{1,20})/g;

/** See the file comment. */
export class EventStream implements Resumption {
  readonly #query: URLSearchParams;
  readonly #window = new SeenWindow();
  #lines = new LineSplitter();
  #begun: bigint | undefined;

  /** @param query That of the client. */
  constructor(query: URLSearchParams) {
    this.#query = query;
  }

  query(): URLSearchParams {
    const query = new URLSearchParams(this.#query);
    const asked = query.has("since") ? undefined : this.#begun;
    const since = this.#window.since ?? asked;
    if (since !== undefined) query.set("since", formatTime(since));
    return query;
  }

  begin(date: string | undefined): void {
    this.#begun ??= timeOfDate(date);
  }

  push(data: Uint8Array): Uint8Array[] {
    return this.#lines.push(data).filter((line) => this.#isNew(line));
  }

  rest(): Uint8Array[] {
    const line = this.#lines.rest();
    return line.length > 0 && this.#isNew(line) ? [line] : [];
  }

  restart(): void {
    this.#lines = new LineSplitter();
    this.#window.replay();
  }

  #isNew(line: Uint8Array): boolean {
    const text = decoder.decode(line);
    const at = [...text.matchAll(TIME)].at(-1)?.[1];
    return at === undefined || this.#window.isNew(BigInt(at), text);
  }
}
