import { FramedStream } from "../../../lib/http/framed_stream.ts";
import { HttpFramer } from "../../../lib/http/framer.ts";
import type { ResponseHead } from "../../../lib/http/head.ts";
import type { Body } from "../../../lib/http/message.ts";
import { ResponseParser } from "../../../lib/http/parser.ts";
import { LARGE_PIECE } from "../../../lib/net/discard.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { prefixed } from "../../../lib/net/prefixed.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { bytes } from "../../support/duplex.ts";

/** A stream that gives these pieces, and swallows what is written. */
function streamOf(
  pieces: Uint8Array[],
  traits: Pick<Duplex, "readsSole" | "givesBack">,
): Duplex {
  return {
    ...traits,
    read: () => Promise.resolve(pieces.shift() ?? null),
    write: () => Promise.resolve(),
    closeWrite: () => Promise.resolve(),
    close() {},
    closed: Promise.resolve(),
  };
}

function framed(duplex: Duplex): FramedStream<ResponseHead> {
  const parser = new ResponseParser();
  parser.expect("GET");
  return new FramedStream(duplex, new HttpFramer(parser));
}

async function relayAll(body: Body, to: FramedStream<ResponseHead>): Promise<void> {
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    await to.relay(piece);
  }
}

/** The pieces of an answer: head and some body, body alone, body and a byte too many. */
function answer(): Uint8Array[] {
  const length = 3 * LARGE_PIECE;
  const head = bytes(`HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n\r\n`);
  const first = new Uint8Array(head.length + LARGE_PIECE);
  first.set(head);
  return [first, new Uint8Array(LARGE_PIECE), new Uint8Array(LARGE_PIECE + 1)];
}

async function detached(from: Duplex, to: Duplex, pieces: Uint8Array[]): Promise<boolean[]> {
  const engine = framed(from);
  assert((await engine.next())?.type === "head");
  await relayAll(engine.body(), framed(to));
  return pieces.map(({ buffer }) => buffer instanceof ArrayBuffer && buffer.detached);
}

Deno.test("a relayed piece gives its memory back if it is all that was read at a time", async () => {
  const pieces = answer();
  const from = streamOf([...pieces], { readsSole: true });
  const to = streamOf([], { givesBack: true });
  assertEquals(await detached(from, to, pieces), [false, true, false]);
});

Deno.test("no memory is given back unless both streams allow it", async () => {
  for (const [readsSole, givesBack] of [[true, false], [false, true]] as const) {
    const pieces = answer();
    const from = streamOf([...pieces], { readsSole });
    assertEquals(await detached(from, streamOf([], { givesBack }), pieces), [
      false,
      false,
      false,
    ]);
  }
});

Deno.test("what comes before a stream may be a part of something", async () => {
  const sole = streamOf([bytes("b")], { readsSole: true, givesBack: true });
  const early = [bytes("a")];
  const whole = prefixed(sole, () => Promise.resolve(early.shift() ?? null));
  await whole.read();
  assertEquals([whole.readsSole, whole.givesBack], [false, true]);
  await whole.read();
  assertEquals(whole.readsSole, true);
  const [near, far] = memoryPair();
  assertEquals([near.readsSole, near.givesBack], [undefined, undefined]);
  near.close();
  far.close();
});
