import { RequestParser } from "../../../lib/http/parser.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";
import { type Conversation, CONVERSATIONS } from "./corpus.ts";
import { bytes, cutAt, responseParser, run, type Seen, singly, text } from "./wire.ts";

function play(conversation: Conversation, pieces: Iterable<Uint8Array>): Seen[] {
  return conversation.answers === undefined
    ? run(new RequestParser(), pieces)
    : run(responseParser(conversation.answers), pieces);
}

for (const conversation of CONVERSATIONS) {
  const input = bytes(conversation.wire);

  Deno.test(`parser understands ${conversation.name}`, () => {
    const seen = play(conversation, [input]);
    assertEquals(
      seen.map(({ framing = "", data }) => ({ framing, data })),
      conversation.messages.map(([framing, data]) => ({ framing, data })),
    );
    for (const each of seen) {
      const endless = each.framing === "raw" || each.framing?.includes("tunnel");
      assertEquals(each.ended, !endless, "only a tunnel has no end");
      assertEquals(each.error, undefined);
    }
  });

  Deno.test(`parser gives back the bytes of ${conversation.name}`, () => {
    const wire = play(conversation, [input]).map((each) => each.wire).join("");
    assertEquals(wire, conversation.relayed ?? conversation.wire);
  });

  Deno.test(`parser does not mind how ${conversation.name} is cut`, () => {
    const whole = play(conversation, [input]);
    for (let at = 1; at < input.length; at++) {
      assertEquals(play(conversation, cutAt(input, at)), whole, `cut at ${at}`);
    }
    assertEquals(play(conversation, singly(input)), whole, "one byte at a time");
  });
}

for (const conversation of CONVERSATIONS.filter((each) => !isAlien(each))) {
  Deno.test(`parser notices where ${conversation.name} is cut short`, () => {
    const input = bytes(conversation.relayed ?? conversation.wire);
    const allowed = endings(play(conversation, [input]), input.length);
    for (let at = 1; at < input.length; at++) {
      const error = play(conversation, [input.slice(0, at)]).at(-1)?.error;
      assertEquals(error === undefined, allowed.has(at), `cut short at ${at}: ${error}`);
    }
  });
}

function isAlien(conversation: Conversation): boolean {
  return conversation.messages.some(([framing]) => framing === "raw");
}

/** Where a connection may end: after a message, and anywhere in what only its end ends. */
function endings(seen: readonly Seen[], total: number): Set<number> {
  const offsets = new Set<number>();
  let end = 0;
  for (const { wire, framing, data } of seen) {
    end += wire.length;
    offsets.add(end);
    if (framing?.includes("close") || framing?.includes("tunnel")) {
      for (let at = end - data.length; at <= total; at++) offsets.add(at);
    }
  }
  return offsets;
}

Deno.test("parser stops at the end of a message and hands over the rest", () => {
  const parser = new RequestParser();
  parser.push(bytes("POST /exec HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}\x16\x03"));
  parser.push(bytes("\x01GET / HTTP/1.1\r\n"));
  const types = [parser.next()?.type, parser.next()?.type, parser.next()?.type];
  assertEquals(types, ["head", "body", "end"]);
  assertEquals(text(parser.takeRest()), "\x16\x03\x01GET / HTTP/1.1\r\n");
  assertEquals(parser.next(), undefined);
});

Deno.test("parser hands over an unfinished head with the rest", () => {
  const parser = new RequestParser();
  parser.push(bytes("\r\nGET / HT"));
  assertEquals(parser.next(), undefined);
  parser.push(bytes("TP"));
  assertEquals(text(parser.takeRest()), "\r\nGET / HTTP");
});

Deno.test("parser switched to raw gives everything not parsed and all that follows", () => {
  const parser = new RequestParser();
  parser.push(bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\nab"));
  assertEquals([parser.next()?.type, parser.next()?.type], ["head", "end"]);
  parser.switchToRaw();
  parser.push(bytes("c"));
  const seen = run(parser, []);
  assertEquals(seen, []);
  const first = parser.next();
  const second = parser.next();
  assert(first?.type === "raw" && second?.type === "raw");
  assertEquals(text(first.bytes) + text(second.bytes), "abc");
  assertEquals(parser.finish(), undefined);
});

Deno.test("body events are views of what was pushed", () => {
  const parser = new RequestParser();
  parser.push(bytes("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"));
  parser.next();
  const piece = bytes("3\r\nabc\r\n2\r\nde");
  parser.push(piece);
  const event = parser.next();
  assert(event?.type === "body");
  assertEquals(event.wire.buffer, piece.buffer);
  assertEquals(event.data.map((view) => view.buffer === piece.buffer), [true, true]);
});

Deno.test("a head does not keep the buffer it came in", () => {
  const parser = new RequestParser();
  const piece = bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n".padEnd(65536, "x"));
  parser.push(piece);
  const event = parser.next();
  assert(event?.type === "head");
  assertEquals(event.head.raw.buffer.byteLength, event.head.raw.length);
});

Deno.test("parser that refused a message refuses everything after it", () => {
  const parser = new RequestParser();
  parser.push(bytes("GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"));
  const first = assertThrows(() => parser.next());
  assertEquals(assertThrows(() => parser.next()), first);
  assertEquals(assertThrows(() => parser.finish()), first);
});

Deno.test("a response nobody asked for is refused", () => {
  const wire = bytes("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  assertEquals(run(responseParser([]), [wire]).at(-1)?.error, "502 Response without a request");
});
