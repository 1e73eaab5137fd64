/**
 * Heads made and damaged at random, always the same for the same seed: what a client, an engine or
 * an attacker might send.
 */

/** A reproducible source of numbers (mulberry32). */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 up to `limit`, exclusive. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * limit);
  }

  pick(choices: readonly string[]): string {
    return choices[this.below(choices.length)] ?? "";
  }
}

const METHODS = ["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT"];
const TARGETS = ["/_ping", "/v1.51/containers/json?all=1", "*", "http://h/a", "/%2F?q={}"];
const STATUS = ["200 OK", "101 UPGRADED", "100 Continue", "204 No Content", "304", "404 "];
const NAMES = ["Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "X-Meta"];
const VALUES = [
  "5",
  "0",
  "007",
  "close",
  "keep-alive, Upgrade",
  "tcp",
  "100-continue",
  "\t caf\xe9 \t",
  "",
];
const FITTING: ReadonlyMap<string, readonly string[]> = new Map([
  ["Content-Length", ["5", "0", "007", " 5 "]],
  ["Transfer-Encoding", ["chunked", "Chunked"]],
]);
const BODIES = ["", "hello", "5\r\nhello\r\n0\r\n\r\n", "5;x=y\r\nhello\r\n0\r\nT: v\r\n\r\n"];
const ODD = [
  ...[
    "PRI",
    "x",
    "h:80",
    "/s p",
    "HTTP/2.0",
    "HTTP/1.2",
    "HTTP",
    "99 x",
    "abc",
    "",
    "Host",
    "\n",
    "\r",
  ],
  ...[
    "-1",
    "5, 5",
    "18446744073709551616",
    "gzip, chunked",
    "h2c",
    " : ",
    ":",
    "\r\n ",
    "GET / HTTP/1.1\r\n",
  ],
];

const SPLICES = [
  ...[
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    ",",
    ";",
    "\xff",
    "\x16",
    "\x7f",
    "HTTP/1.1",
    "0\r\n\r\n",
  ],
  ...[
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: b\r\n",
    "\r\n\r\n",
    "\r\n x",
  ],
];

/** A request with what follows it, undamaged in about one case of three. */
export function makeRequest(random: Random): string {
  const line = `${some(random, METHODS)} ${some(random, TARGETS)} ${version(random)}\r\n`;
  return damage(random, `${line}Host: a\r\n${fields(random)}\r\n${some(random, BODIES)}`);
}

/** A response with what follows it, undamaged in about one case of three. */
export function makeResponse(random: Random): string {
  const line = `${version(random)} ${some(random, STATUS)}\r\n`;
  return damage(random, `${line}${fields(random)}\r\n${some(random, BODIES)}`);
}

/** One of the `usual` ones, now and then something out of place. */
function some(random: Random, usual: readonly string[]): string {
  return random.pick(random.below(24) === 0 ? ODD : usual);
}

function version(random: Random): string {
  return some(random, ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]);
}

function fields(random: Random): string {
  let text = "";
  for (let left = random.below(4); left > 0; left--) {
    const name = some(random, NAMES);
    const values = FITTING.get(name) ?? VALUES;
    text += name + some(random, [": ", ":", ":\t"]) + some(random, values) + some(random, ["\r\n"]);
  }
  return text;
}

function damage(random: Random, text: string): string {
  let damaged = text;
  for (let left = Math.max(0, random.below(7) - 3); left > 0; left--) {
    const at = random.below(damaged.length + 1);
    const size = 1 + random.below(random.below(8) + 1);
    const head = damaged.slice(0, at);
    const tail = damaged.slice(at);
    switch (random.below(5)) {
      case 0:
        damaged = head + String.fromCharCode(random.below(256)) + tail.slice(1);
        break;
      case 1:
        damaged = head + tail.slice(size);
        break;
      case 2:
        damaged = head + tail.slice(0, size) + tail;
        break;
      case 3:
        damaged = head + random.pick(SPLICES) + tail;
        break;
      default:
        damaged = head + tail.slice(size, 2 * size) + tail.slice(0, size) + tail.slice(2 * size);
    }
  }
  return damaged;
}
