import type { Exchange } from "../../../../lib/docker/exchange.ts";
import { isLostError } from "../../../../lib/errors.ts";
import type { BodyPiece } from "../../../../lib/http/message.ts";
import { leavable } from "../../../../lib/intercept/resume/leaving.ts";
import { LogStream } from "../../../../lib/intercept/resume/log_stream.ts";
import { assertEquals, assertMatch } from "../../../support/assert.ts";

const encode = (text: string) => new TextEncoder().encode(text);
const pieceOf = (text: string): BodyPiece => ({ wire: encode(text), data: [encode(text)] });

Deno.test("an answer that is left ends with a word, and is cut off after it", async () => {
  const waits = Promise.withResolvers<BodyPiece | null>();
  const pieces = [Promise.resolve(pieceOf("first")), waits.promise];
  const exchange: Pick<Exchange, "leave"> = {};
  const inner = { read: () => pieces.shift() ?? Promise.resolve(null) };
  const body = leavable(exchange, inner, (words) => pieceOf(`<${words}>`));
  const read = async () => new TextDecoder().decode((await body.read())?.wire);
  assertEquals(await read(), "first");
  const next = read();
  exchange.leave?.();
  assertMatch(await next, /^<remote-docker-agent: the program is shutting down, .*>$/);
  const error = await body.read().catch((error: unknown) => error);
  assertEquals(isLostError(error), true);
  waits.resolve(null);
});

Deno.test("logs say a word in their own form", () => {
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const logs = new LogStream(new URLSearchParams());
  assertEquals(text(logs.says("word")), "\x02\0\0\0\0\0\0\x05word\n");
  logs.push(new Uint8Array([1, 0, 0, 0, 0, 0, 0, 1, 65]));
  assertEquals(text(logs.says("word")), "\x02\0\0\0\0\0\0\x05word\n");
  const terminal = new LogStream(new URLSearchParams());
  terminal.push(encode("2026-01-02T03:04:05.000000000Z $ "));
  assertEquals(text(terminal.says("word")), "\r\nword\r\n");
});
