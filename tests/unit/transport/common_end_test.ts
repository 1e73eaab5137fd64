import { AgentError } from "../../../lib/errors.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { CommonEnd } from "../../../lib/transport/common_end.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";

/** A connection that has said something, and the other end of it. */
async function served(ends: CommonEnd): Promise<[own: Duplex, far: Duplex]> {
  const [own, far] = memoryPair();
  const watched = ends.watch(own);
  await far.write(new Uint8Array([1]));
  await watched.read();
  return [watched, far];
}

Deno.test("connections that all end at once, at an end that does not answer, are lost", async () => {
  let asked = 0;
  const ends = new CommonEnd(() => Promise.resolve(++asked > 0));
  const all = await Promise.all([served(ends), served(ends), served(ends)]);
  const reads = all.slice(1).map(([own]) => own.read());
  for (const [, far] of all) await far.closeWrite();
  for (const read of reads) {
    const error = await assertRejects(() => read, AgentError, "was lost");
    assertEquals((error as AgentError).kind, "lost");
  }
  assertEquals(asked, 1);
  for (const each of all.flat()) each.close();
});

Deno.test("an end is an end while another connection lives, or somebody answers", async () => {
  const answers = new CommonEnd(() => Promise.resolve(false));
  const never = new CommonEnd(() => Promise.reject(new Error("nobody is to be asked")));
  const [a, farA] = await served(answers);
  const [b, farB] = await served(answers);
  const reads = [a.read(), b.read()];
  await farA.closeWrite();
  await farB.closeWrite();
  assertEquals(await Promise.all(reads), [null, null]);

  const [c, farC] = await served(never);
  const [d, farD] = await served(never);
  const living = c.read();
  await farD.closeWrite();
  assertEquals(await d.read(), null);
  await farC.write(new Uint8Array([2]));
  assertEquals(await living, new Uint8Array([2]));

  const lonely = new CommonEnd(() => Promise.reject(new Error("nobody is to be asked")));
  const [e, farE] = await served(lonely);
  await farE.closeWrite();
  assertEquals(await e.read(), null);
  for (const each of [a, b, c, d, e, farA, farB, farC, farD, farE]) each.close();
});

Deno.test("what is told of a connection's memory is told of the watched one", () => {
  const ends = new CommonEnd(() => Promise.resolve(false));
  const [own, far] = memoryPair();
  const plain = ends.watch(own);
  const watched = ends.watch({ ...own, closed: own.closed, readsSole: true, givesBack: true });
  assertEquals([plain.readsSole, plain.givesBack], [false, false]);
  assertEquals([watched.readsSole, watched.givesBack], [true, true]);
  own.close();
  far.close();
});
