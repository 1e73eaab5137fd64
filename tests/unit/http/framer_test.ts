import { HttpFramer, type HttpFramerOptions } from "../../../lib/http/framer.ts";
import type { RequestHead, ResponseHead } from "../../../lib/http/head.ts";
import { HttpParseError } from "../../../lib/http/parse_error.ts";
import { type HttpEvent, type HttpParser, RequestParser } from "../../../lib/http/parser.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../support/assert.ts";
import { type Conversation, CONVERSATIONS } from "./corpus.ts";
import { bytes, Collector, responseParser, run, type Seen, singly, text } from "./wire.ts";

const GET = "GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE = "POST /attach HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

const holdUpgrades: HttpFramerOptions<RequestHead> = {
  holdAfter: (head) => head.headers.hasToken("Connection", "upgrade"),
};

/** A source that counts how often it is asked. */
function sourceOf(pieces: Iterable<Uint8Array>) {
  const iterator = pieces[Symbol.iterator]();
  const source = { pulls: 0, cancelled: undefined as unknown };
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      source.pulls++;
      const { value, done } = iterator.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => void (source.cancelled = reason),
  }, { highWaterMark: 0 });
  return { source, stream };
}

/** One turn of the event loop: every promise job that can run has run. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

async function collect<H extends RequestHead | ResponseHead>(
  events: ReadableStream<HttpEvent<H>>,
): Promise<Seen[]> {
  const collector = new Collector<H>();
  try {
    for await (const event of events) collector.add(event);
  } catch (error) {
    collector.fail(error);
  }
  return collector.seen;
}

function frame<H extends RequestHead | ResponseHead>(
  parser: HttpParser<H>,
  pieces: Iterable<Uint8Array>,
): Promise<Seen[]> {
  return collect(sourceOf(pieces).stream.pipeThrough(new HttpFramer(parser)));
}

async function types(
  reader: ReadableStreamDefaultReader<HttpEvent<RequestHead>>,
  count: number,
): Promise<string[]> {
  const names: string[] = [];
  while (names.length < count) {
    const { value, done } = await reader.read();
    if (done) return [...names, "done"];
    names.push(value.type === "raw" ? `raw ${text(value.bytes)}` : value.type);
  }
  return names;
}

function parsed(
  conversation: Conversation,
  pieces: Iterable<Uint8Array>,
): [Seen[], Promise<Seen[]>] {
  const { answers } = conversation;
  const all = [...pieces];
  return answers === undefined
    ? [run(new RequestParser(), all), frame(new RequestParser(), all)]
    : [run(responseParser(answers), all), frame(responseParser(answers), all)];
}

Deno.test("framer gives what the parser gives", async () => {
  for (const conversation of CONVERSATIONS) {
    const input = bytes(conversation.wire);
    for (const pieces of [[input], singly(input)]) {
      const [expected, framed] = parsed(conversation, pieces);
      assertEquals(await framed, expected, conversation.name);
    }
  }
});

Deno.test("framer reports a connection that ends within a message", async () => {
  const seen = await frame(new RequestParser(), [bytes(`${GET}GET / HT`)]);
  assertEquals(seen.map((each) => each.error), [undefined, "400 Connection ended within a head"]);
});

Deno.test("framer gives the messages before one that is refused, then fails both ends", async () => {
  const { source, stream } = sourceOf([bytes(`${GET}${GET}GET / HTTP/3.0\r\n\r\n`), bytes(GET)]);
  const framer = new HttpFramer(new RequestParser());
  const piped = assertRejects(() => stream.pipeTo(framer.writable), HttpParseError, "HTTP/3.0");
  const seen = await collect(framer.readable);
  const errors = seen.map((each) => each.error);
  assertEquals(errors, [undefined, undefined, "505 Version HTTP/3.0 is not supported"]);
  const error = await piped;
  assertEquals([source.pulls, source.cancelled], [1, error]);
});

Deno.test("framer takes nothing from its source that the reader has not asked for", async () => {
  const pieces = Array.from({ length: 9 }, () => bytes(GET));
  const { source, stream } = sourceOf(pieces);
  const reader = stream.pipeThrough(new HttpFramer(new RequestParser())).getReader();
  for (let message = 1; message <= 9; message++) {
    assertEquals(await types(reader, 2), ["head", "end"]);
    await turn();
    assertEquals(source.pulls, message);
  }
  assertEquals(await types(reader, 1), ["done"]);
});

Deno.test("framer ends a write when its bytes are used up", async () => {
  const framer = new HttpFramer(new RequestParser());
  const writer = framer.writable.getWriter();
  const reader = framer.readable.getReader();
  let written = false;
  const write = writer.write(bytes(GET + GET)).then(() => void (written = true));
  for (let event = 0; event < 4; event++) {
    await reader.read();
    assertEquals(written, false);
  }
  const [last] = await Promise.all([reader.read(), write, writer.close()]);
  assertEquals(last.done, true);
});

Deno.test("framer holds after a chosen message and goes on when told so", async () => {
  const { source, stream } = sourceOf([bytes(UPGRADE), bytes(GET)]);
  const framer = new HttpFramer(new RequestParser(), holdUpgrades);
  const reader = stream.pipeThrough(framer).getReader();
  assertEquals(await types(reader, 2), ["head", "end"]);
  const next = types(reader, 2);
  await turn();
  assertEquals(source.pulls, 1);
  framer.resume();
  assertEquals(await next, ["head", "end"]);
  assertEquals(source.pulls, 2);
  assertEquals(await types(reader, 1), ["done"]);
});

Deno.test("framer gives raw bytes after a held message, beginning with those left over", async () => {
  const { stream } = sourceOf([bytes(`${UPGRADE}GET / not parsed`), bytes("\x00\x01")]);
  const framer = new HttpFramer(new RequestParser(), holdUpgrades);
  const reader = stream.pipeThrough(framer).getReader();
  assertEquals(await types(reader, 2), ["head", "end"]);
  const next = types(reader, 3);
  framer.switchToRaw();
  assertEquals(await next, ["raw GET / not parsed", "raw \x00\x01", "done"]);
});

Deno.test("framer remembers a decision made before the held message has ended", async () => {
  const upload = UPGRADE.replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\n");
  const { stream } = sourceOf([bytes(upload), bytes("{}"), bytes("x")]);
  const framer = new HttpFramer(new RequestParser(), holdUpgrades);
  const reader = stream.pipeThrough(framer).getReader();
  assertEquals(await types(reader, 1), ["head"]);
  framer.switchToRaw();
  assertEquals(await types(reader, 4), ["body", "end", "raw x", "done"]);
});

Deno.test("framer refuses a decision on a message that is not held", async () => {
  const framer = new HttpFramer(new RequestParser(), holdUpgrades);
  const reader = sourceOf([bytes(GET + GET)]).stream.pipeThrough(framer).getReader();
  assertEquals(await types(reader, 2), ["head", "end"]);
  assertThrows(() => framer.switchToRaw(), TypeError, "No message is held");
  await reader.cancel();
});

Deno.test("cancelling the readable end releases a held framer and its source", async () => {
  const { source, stream } = sourceOf([bytes(UPGRADE + GET), bytes(GET)]);
  const framer = new HttpFramer(new RequestParser(), holdUpgrades);
  const piped = stream.pipeTo(framer.writable);
  const reader = framer.readable.getReader();
  assertEquals(await types(reader, 2), ["head", "end"]);
  const pending = reader.read();
  const reason = new Error("gone");
  await reader.cancel(reason);
  assertEquals((await pending).done, true);
  await assertRejects(() => piped, Error, "gone");
  assertEquals(source.cancelled, reason);
  framer.switchToRaw();
});

Deno.test("aborting the writable end releases a held framer and its reader", async () => {
  const framer = new HttpFramer(new RequestParser(), holdUpgrades);
  const writer = framer.writable.getWriter();
  const reader = framer.readable.getReader();
  const write = assertRejects(() => writer.write(bytes(UPGRADE + GET)), Error, "gone");
  assertEquals(await types(reader, 2), ["head", "end"]);
  const read = assertRejects(() => reader.read(), Error, "gone");
  await writer.abort(new Error("gone"));
  await Promise.all([write, read]);
});

Deno.test("framer accepts expected methods while it is reading", async () => {
  const parser = responseParser([]);
  const framer = new HttpFramer(parser);
  const writer = framer.writable.getWriter();
  const pending = framer.readable.getReader().read();
  parser.expect("HEAD");
  const write = writer.write(bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
  const { value } = await pending;
  assert(value?.type === "head");
  assertEquals(value.framing, { kind: "none" });
  await Promise.all([writer.abort(new Error("done")), assertRejects(() => write, Error, "done")]);
});

Deno.test("next asks for bytes only where the next event needs them", async () => {
  const pieces = [bytes(GET + GET), bytes(GET)];
  let asked = 0;
  const more = () => Promise.resolve(pieces[asked++] ?? null);
  const framer = new HttpFramer(new RequestParser());
  const seen = [];
  for (let event = await framer.next(more); event !== null; event = await framer.next(more)) {
    seen.push(`${event.type} ${asked}`);
  }
  assertEquals(seen, ["head 1", "end 1", "head 1", "end 1", "head 2", "end 2"]);
  assertEquals(asked, 3);
  assertEquals(await framer.next(more), null);
});

Deno.test("next rejects with the refusal of a message, again and again", async () => {
  const framer = new HttpFramer(new RequestParser());
  const more = () => Promise.resolve(bytes("GET / HTTP/3.0\r\n\r\n"));
  for (let count = 0; count < 2; count++) {
    await assertRejects(() => framer.next(more), HttpParseError, "HTTP/3.0");
  }
});

Deno.test("take gives what is here and waits for nothing", async () => {
  const framer = new HttpFramer(new RequestParser(), holdUpgrades);
  assertEquals(framer.take(), undefined);
  const whole = bytes(`${UPGRADE}left over`);
  assertEquals((await framer.next(() => Promise.resolve(whole)))?.type, "head");
  assertEquals(framer.take(), { type: "end" });
  assertEquals(framer.take(), undefined);
  framer.switchToRaw();
  const rest = framer.take();
  assert(rest?.type === "raw");
  assertEquals(text(rest.bytes), "left over");
});
