/**
 * The head of a message as data: start line and header fields, with their order, case and
 * repetition kept, beside the exact bytes they came from. An unedited head is relayed as `raw`;
 * an edited one is encoded anew. A head belongs to whoever took the event that carried it.
 */
import { HttpParseError, quoted } from "./parse_error.ts";
import { encodeLatin1, isFieldValue, isTarget, isToken, trimOws } from "./syntax.ts";

/** One field line: the name as written, the value without surrounding white space. */
export type HeaderField = readonly [name: string, value: string];

/**
 * Header fields in order. Names are compared without case (RFC 9110 §5.1). A value has one
 * character per byte (latin1), so that bytes above 0x7f survive.
 */
export class HeaderList implements Iterable<HeaderField> {
  readonly #fields: HeaderField[] = [];

  /** @throws {HttpParseError} 400, see {@link HeaderList.append}. */
  constructor(fields: Iterable<HeaderField> = []) {
    for (const [name, value] of fields) this.append(name, value);
  }

  /** How many field lines there are. */
  get length(): number {
    return this.#fields.length;
  }

  /** The value of the first field called `name`. */
  get(name: string): string | undefined {
    return this.#fields[this.#find(name)]?.[1];
  }

  /** The values of all fields called `name`, in order. */
  getAll(name: string): string[] {
    const values: string[] = [];
    for (let at = this.#find(name); at >= 0; at = this.#find(name, at + 1)) {
      values.push(this.#fields[at]?.[1] ?? "");
    }
    return values;
  }

  has(name: string): boolean {
    return this.#find(name) >= 0;
  }

  /**
   * Gives the first field called `name` this value, keeping its place and its spelling, and
   * removes the others; without one, appends it.
   *
   * @throws {HttpParseError} 400, see {@link HeaderList.append}.
   */
  set(name: string, value: string): void {
    const at = this.#find(name);
    const spelling = this.#fields[at]?.[0];
    if (spelling === undefined) return this.append(name, value);
    this.#fields[at] = checkedField(spelling, value);
    this.#deleteFrom(name, at + 1);
  }

  /**
   * Adds a field at the end.
   *
   * @throws {HttpParseError} 400 unless `name` is a token and `value` free of control characters
   * and of characters above 0xff, so that no head can be split by a value.
   */
  append(name: string, value: string): void {
    this.#fields.push(checkedField(name, value));
  }

  /** Removes all fields called `name`; whether there were any. */
  delete(name: string): boolean {
    return this.#deleteFrom(name, 0);
  }

  /**
   * Whether a comma-separated field such as `Connection` holds `token`, without case, in any of
   * its lines.
   */
  hasToken(name: string, token: string): boolean {
    const wanted = token.toLowerCase();
    return this.tokens(name).some((each) => each.toLowerCase() === wanted);
  }

  /** The members of a comma-separated field over all its lines, empty ones left out. */
  tokens(name: string): string[] {
    return this.getAll(name).flatMap((value) => value.split(",").map(trimOws).filter(Boolean));
  }

  [Symbol.iterator](): IterableIterator<HeaderField> {
    return this.#fields[Symbol.iterator]();
  }

  #find(name: string, from = 0): number {
    const wanted = name.toLowerCase();
    for (let at = from; at < this.#fields.length; at++) {
      const each = this.#fields[at]?.[0];
      if (each?.length === wanted.length && each.toLowerCase() === wanted) return at;
    }
    return -1;
  }

  #deleteFrom(name: string, from: number): boolean {
    let deleted = false;
    for (let at = this.#find(name, from); at >= 0; at = this.#find(name, at)) {
      this.#fields.splice(at, 1);
      deleted = true;
    }
    return deleted;
  }
}

function checkedField(name: string, value: string): HeaderField {
  if (!isToken(name)) throw new HttpParseError(400, `Header name ${quoted(name)} is not a token`);
  if (!isFieldValue(value)) {
    throw new HttpParseError(400, `Header ${quoted(name)} has a forbidden character in its value`);
  }
  return [name, value];
}

/** The head of a request. */
export interface RequestHead {
  method: string;
  /** The request target exactly as sent. */
  target: string;
  version: "1.0" | "1.1";
  headers: HeaderList;
  /** The bytes it was parsed from, final empty line included; a copy that nobody else holds. */
  readonly raw: Uint8Array;
}

/** The head of a response, final or interim. */
export interface ResponseHead {
  status: number;
  /** May be empty. */
  reason: string;
  version: "1.0" | "1.1";
  headers: HeaderList;
  /** The bytes it was parsed from, final empty line included; a copy that nobody else holds. */
  readonly raw: Uint8Array;
}

/**
 * The bytes of an edited request head, made from its fields; `raw` is not looked at.
 *
 * @throws {HttpParseError} 400 when method or target would not be parsed as written.
 */
export function encodeRequestHead(head: Omit<RequestHead, "raw">): Uint8Array<ArrayBuffer> {
  if (!isToken(head.method) || !isTarget(head.target, head.method)) {
    const line = `${head.method} ${head.target}`;
    throw new HttpParseError(400, `Cannot encode the request line ${quoted(line)}`);
  }
  return encodeHead(`${head.method} ${head.target} HTTP/${head.version}`, head.headers);
}

/**
 * The bytes of an edited response head, made from its fields; `raw` is not looked at.
 *
 * @throws {HttpParseError} 400 when status or reason would not be parsed as written.
 */
export function encodeResponseHead(head: Omit<ResponseHead, "raw">): Uint8Array<ArrayBuffer> {
  const { status, reason } = head;
  if (!Number.isInteger(status) || status < 100 || status > 999 || !isFieldValue(reason)) {
    const line = `${status} ${reason}`;
    throw new HttpParseError(400, `Cannot encode the status line ${quoted(line)}`);
  }
  return encodeHead(`HTTP/${head.version} ${status} ${reason}`, head.headers);
}

function encodeHead(startLine: string, headers: HeaderList): Uint8Array<ArrayBuffer> {
  let text = `${startLine}\r\n`;
  for (const [name, value] of headers) text += `${name}: ${value}\r\n`;
  return encodeLatin1(`${text}\r\n`);
}
