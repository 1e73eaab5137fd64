import { lengthFramed, LengthFrames } from "../../../lib/net/length_frame.ts";
import { assertEquals } from "../../support/assert.ts";

const datagrams = [
  new Uint8Array([1, 2, 3]),
  new Uint8Array(),
  new Uint8Array(300).fill(7),
  new Uint8Array(65_535).fill(9),
];

Deno.test("datagrams come out of the stream as they went in, wherever it is cut", () => {
  const stream = new Uint8Array(datagrams.flatMap((data) => [...lengthFramed(data)]));
  for (const size of [1, 2, 3, 305, 4_096, stream.length]) {
    const frames = new LengthFrames();
    const found: Uint8Array[] = [];
    for (let at = 0; at < stream.length; at += size) {
      found.push(...frames.push(stream.subarray(at, at + size)));
    }
    assertEquals(found.map(({ length }) => length), [3, 0, 300, 65_535]);
    assertEquals(found[0], datagrams[0]);
    assertEquals(found[2], datagrams[2]);
  }
});
