/** Streams that are cut off anywhere and asked for again: everything arrives, and arrives once. */
import { EventStream } from "../../../../lib/intercept/resume/event_stream.ts";
import { LogStream } from "../../../../lib/intercept/resume/log_stream.ts";
import type { Resumption } from "../../../../lib/intercept/resume/resumption.ts";
import { formatTime, timeOfDate } from "../../../../lib/intercept/resume/seen_window.ts";
import { concat } from "../../../../lib/system/bytes.ts";
import { assert, assertEquals } from "../../../support/assert.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const BASE = 1_700_000_000_000_000_000n;

interface Item {
  readonly at: bigint;
  /** As the engine sends it. */
  readonly sent: Uint8Array;
  /** As the client is to get it. */
  readonly wanted: Uint8Array;
}

/** What the engine answers to a query: items from `since` on, the last `tail` of those. */
function answer(items: readonly Item[], query: URLSearchParams): Uint8Array {
  const [seconds = "0", nanos = "0"] = (query.get("since") ?? "0.0").split(".");
  const since = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
  const tail = query.get("tail");
  const from = items.filter(({ at }) => at >= since);
  return concat((tail === null ? from : from.slice(-Number(tail))).map(({ sent }) => sent));
}

/** Delivers all items over connections that end after so many bytes each. */
function deliver(items: readonly Item[], stream: Resumption, cuts: readonly number[]): Uint8Array {
  const out: Uint8Array[] = [];
  for (const cut of [...cuts, Infinity]) {
    const bytes = answer(items, stream.query()).subarray(0, cut);
    stream.begin("Tue, 14 Nov 2023 22:13:20 GMT");
    for (let at = 0; at < bytes.length; at += 97) {
      out.push(...stream.push(bytes.subarray(at, at + 97)));
    }
    if (cut === Infinity) out.push(...stream.rest());
    else stream.restart();
  }
  return concat(out);
}

function timeText(at: bigint): string {
  const seconds = new Date(Number(at / 1_000_000_000n) * 1000).toISOString().slice(0, 19);
  return `${seconds}.${(at % 1_000_000_000n).toString().padStart(9, "0")}Z `;
}

function frame(stream: number, text: string): Uint8Array {
  const payload = encoder.encode(text);
  const header = new Uint8Array(8);
  header[0] = stream;
  new DataView(header.buffer).setUint32(4, payload.length);
  return concat([header, payload]);
}

/** Several at the same time, some out of order, as two copiers of one container write them. */
const TIMES = [0, 5, 5, 5, 7, 6, 8, 2_000_000_000, 1_999_999_990, 2_000_000_001, 5_000_000_000]
  .map((offset) => BASE + BigInt(offset));

const FRAMES: Item[] = TIMES.map((at, index) => {
  const text = index % 3 === 0 ? "same\n" : `line ${index}\n`;
  const stream = 1 + index % 2;
  return { at, sent: frame(stream, timeText(at) + text), wanted: frame(stream, text) };
});

/** Podman tells no more than the second; two lines of one may be of the same length. */
const COARSE: Item[] = TIMES.map((at, index) => {
  const text = index % 3 === 0 ? "same\n" : `line ${index}\n`;
  const stream = 1 + index % 2;
  const time = timeText(at).replace(/\.\d+/, "");
  return { at, sent: frame(stream, time + text), wanted: frame(stream, text) };
});

const LONG = "x".repeat(16 * 1024);
const TEXT: Item[] = TIMES.map((at, index) => {
  const text = index === 4 ? LONG : `line ${index}\r\n`;
  return { at, sent: encoder.encode(timeText(at) + text), wanted: encoder.encode(text) };
});

const EVENTS: Item[] = TIMES.map((at, index) => {
  const line = `{"Type":"volume","Actor":{"ID":"${index}","Attributes":{"a":"\\"timeNano\\":1"}},` +
    `"time":${at / 1_000_000_000n},"timeNano":${at}}\n`;
  return { at, sent: encoder.encode(line), wanted: encoder.encode(line) };
});

const wantedOf = (items: readonly Item[]) => concat(items.map(({ wanted }) => wanted));
const CASES = [
  ["frames", FRAMES, () => new LogStream(new URLSearchParams("follow=1&stderr=1"))],
  ["frames of Podman", COARSE, () => new LogStream(new URLSearchParams("follow=1&stderr=1"))],
  ["text", TEXT, () => new LogStream(new URLSearchParams("follow=1&stdout=1"))],
  ["events", EVENTS, () => new EventStream(new URLSearchParams())],
] as const;

for (const [name, items, make] of CASES) {
  Deno.test(`${name}: cut anywhere, everything arrives once`, () => {
    const total = concat(items.map(({ sent }) => sent)).length;
    const step = name === "text" ? 211 : 1;
    for (let cut = 0; cut <= total; cut += step) {
      const out = deliver(items, make(), [cut]);
      assertEquals(decoder.decode(out), decoder.decode(wantedOf(items)), `cut at ${cut}`);
    }
    const often = Array.from({ length: 12 }, (_, index) => (index * 173) % total);
    const out = deliver(items, make(), often);
    assertEquals(decoder.decode(out), decoder.decode(wantedOf(items)));
  });
}

Deno.test("a tail is that of the first answer, however often it is cut", () => {
  for (let cut = 0; cut < 200; cut++) {
    const stream = new LogStream(new URLSearchParams("follow=1&tail=2"));
    const out = deliver(FRAMES, stream, [cut, 50]);
    assertEquals(out, wantedOf(FRAMES.slice(-2)));
  }
});

Deno.test("a tail within a second, where no more is told of the time", () => {
  const items = COARSE.slice(0, 7); // all of one second
  for (let cut = 0; cut < 200; cut++) {
    const stream = new LogStream(new URLSearchParams("follow=1&tail=2"));
    assertEquals(deliver(items, stream, [cut, cut + 50]), wantedOf(items.slice(-2)));
  }
});

Deno.test("a tail of nothing goes on from the second in which it began", () => {
  const stream = new LogStream(new URLSearchParams("follow=1&tail=0"));
  stream.begin("Tue, 14 Nov 2023 22:13:20 GMT");
  stream.restart();
  assertEquals(stream.query().get("since"), "1700000000.000000000");
  assertEquals(stream.query().get("tail"), null);
});

Deno.test("a client that asked for times gets them", () => {
  const stream = new LogStream(new URLSearchParams("follow=1&timestamps=true"));
  assertEquals(deliver(FRAMES, stream, [100]), concat(FRAMES.map(({ sent }) => sent)));
});

Deno.test("events before the first one are asked for from the second of the answer on", () => {
  const stream = new EventStream(new URLSearchParams("until=9"));
  assertEquals(stream.query().toString(), "until=9");
  stream.begin("Tue, 14 Nov 2023 22:13:20 GMT");
  assertEquals(stream.query().get("since"), "1700000000.000000000");
  const asked = new EventStream(new URLSearchParams("since=5"));
  asked.begin("Tue, 14 Nov 2023 22:13:20 GMT");
  assertEquals(asked.query().get("since"), "5");
});

Deno.test("a flood is remembered within bounds and still arrives once", () => {
  const many: Item[] = Array.from({ length: 40_000 }, (_, index) => {
    const at = BASE + BigInt(index * 10);
    const text = `${index}\n`;
    return { at, sent: frame(1, timeText(at) + text), wanted: frame(1, text) };
  });
  const out = deliver(many, new LogStream(new URLSearchParams("follow=1")), [1_500_000]);
  assertEquals(out.length, wantedOf(many).length);
  assert(decoder.decode(out) === decoder.decode(wantedOf(many)));
});

Deno.test("a line that no engine cuts is not held back for its end", () => {
  const stream = new LogStream(new URLSearchParams("follow=1"));
  const out = stream.push(encoder.encode(timeText(BASE) + LONG + "y".repeat(100)));
  assertEquals(concat(out).length, LONG.length);
});

Deno.test("times are written as the engine reads them", () => {
  assertEquals(formatTime(BASE + 5n), "1700000000.000000005");
  assertEquals(formatTime(7n), "0.000000007");
  assertEquals(timeOfDate("Tue, 14 Nov 2023 22:13:20 GMT"), BASE);
  assertEquals(timeOfDate(undefined), undefined);
});
