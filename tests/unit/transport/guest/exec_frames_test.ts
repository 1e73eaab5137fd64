import { memoryPair } from "../../../../lib/net/memory.ts";
import {
  encodeFrame,
  FRAME,
  type Frame,
  FrameError,
  FrameReader,
  type FrameType,
  FrameWriter,
  MAX_FRAME_BYTES,
  parseExit,
  parseSize,
} from "../../../../lib/transport/guest/exec_frames.ts";
import { assertEquals, assertRejects, assertThrows } from "../../../support/assert.ts";
import { bytes, text } from "../../../support/duplex.ts";

async function framesOf(wire: Uint8Array, pieceBytes: number): Promise<[FrameType, string][]> {
  const [from, to] = memoryPair();
  const sending = (async () => {
    for (let at = 0; at < wire.length; at += pieceBytes) {
      await from.write(wire.slice(at, at + pieceBytes));
    }
    await from.closeWrite();
  })();
  const reader = new FrameReader(to);
  const frames: [FrameType, string][] = [];
  try {
    for (let frame: Frame | null; (frame = await reader.next()) !== null;) {
      frames.push([frame.type, text(frame.payload)]);
    }
  } finally {
    to.close();
    await sending.catch(() => {/* The reader was not interested in the rest. */});
  }
  return frames;
}

Deno.test("frames have Docker's header: type, three zeros, length in network order", () => {
  assertEquals([...encodeFrame(FRAME.stderr, bytes("hi"))], [2, 0, 0, 0, 0, 0, 0, 2, 104, 105]);
});

for (const pieceBytes of [1, 3, 8, 9, 1000]) {
  Deno.test(`frames are found however the stream is cut: pieces of ${pieceBytes}`, async () => {
    const wire = new Uint8Array([
      ...encodeFrame(FRAME.stdout, bytes("one")),
      ...encodeFrame(FRAME.stdin, new Uint8Array(0)),
      ...encodeFrame(FRAME.exit, bytes('{"code":0}')),
    ]);
    assertEquals(await framesOf(wire, pieceBytes), [[1, "one"], [0, ""], [3, '{"code":0}']]);
  });
}

const BROKEN: readonly [name: string, wire: readonly number[], message: string][] = [
  ["unknown type", [6, 0, 0, 0, 0, 0, 0, 0], "Unknown frame type 6"],
  ["not a header", [0x47, 0x45, 0x54, 0x20, 0, 0, 0, 0], "Unknown frame type 71"],
  ["reserved bytes", [0, 0, 1, 0, 0, 0, 0, 0], "Unknown frame type 0"],
  ["too long", [0, 0, 0, 0, 0, 1, 0, 1], "longer than 65536"],
  ["cut header", [0, 0, 0], "within a frame"],
  ["cut payload", [0, 0, 0, 0, 0, 0, 0, 2, 1], "within a frame"],
];
for (const [name, wire, message] of BROKEN) {
  Deno.test(`what is no frame is refused: ${name}`, async () => {
    await assertRejects(() => framesOf(new Uint8Array(wire), 64), FrameError, message);
  });
}

Deno.test("a long payload is split, and writers at the same time do not mix their frames", async () => {
  const [from, to] = memoryPair();
  const writer = new FrameWriter(from);
  const long = new Uint8Array(MAX_FRAME_BYTES * 2 + 1).fill(7);
  const writing = Promise.all([
    writer.write(FRAME.stdin, long),
    writer.writeJson(FRAME.resize, { cols: 80, rows: 24 }),
    writer.write(FRAME.stdin, new Uint8Array(0)),
  ]).then(() => from.closeWrite());
  const reader = new FrameReader(to);
  const seen: [number, number][] = [];
  for (let frame; (frame = await reader.next()) !== null;) {
    seen.push([frame.type, frame.payload.length]);
  }
  await writing;
  const data = seen.filter(([type]) => type === FRAME.stdin).map(([, length]) => length);
  assertEquals(data.reduce((sum, length) => sum + length, 0), long.length);
  assertEquals(seen.filter(([type]) => type === FRAME.resize).length, 1);
  assertEquals(data.filter((length) => length > MAX_FRAME_BYTES), []);
  from.close();
  to.close();
});

Deno.test("exit frames say code, signal or error, and nothing else", () => {
  assertEquals(parseExit(bytes('{"code":3}')), { code: 3 });
  assertEquals(parseExit(bytes('{"signal":"SIGKILL"}')), { signal: "SIGKILL" });
  assertEquals(parseExit(bytes('{"error":"no"}')), { error: "no" });
  for (const bad of ["", "{}", "[]", "null", '{"code":"0"}', '{"code":1.5}']) {
    assertThrows(() => parseExit(bytes(bad)), FrameError);
  }
});

Deno.test("a terminal has two sides of 16 bits", () => {
  assertEquals(parseSize({ cols: 80, rows: 24, more: 1 }), { cols: 80, rows: 24 });
  for (const bad of [null, {}, { cols: 80 }, { cols: -1, rows: 1 }, { cols: 70000, rows: 1 }]) {
    assertThrows(() => parseSize(bad), FrameError);
  }
});
