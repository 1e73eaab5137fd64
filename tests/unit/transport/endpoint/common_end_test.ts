import { AgentError } from "../../../../lib/errors.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { memoryPair } from "../../../../lib/net/memory.ts";
import { CommonEnd } from "../../../../lib/transport/endpoint/common_end.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";

/** A connection that has said something, and the other end of it. */
async function served(ends: CommonEnd): Promise<[own: Duplex, far: Duplex]> {
  const [own, far] = memoryPair();
  const watched = ends.watch(own);
  await far.write(new Uint8Array([1]));
  await watched.read();
  return [watched, far];
}

Deno.test("connections that all end at once are lost", async () => {
  let told = 0;
  const ends = new CommonEnd(() => told++, () => 0);
  const all = await Promise.all([served(ends), served(ends), served(ends)]);
  const reads = all.slice(1).map(([own]) => own.read());
  for (const [, far] of all) await far.closeWrite();
  for (const read of reads) {
    const error = await assertRejects(() => read, AgentError, "was lost");
    assertEquals((error as AgentError).kind, "lost");
  }
  assertEquals(told > 0, true);
  for (const each of all.flat()) each.close();
});

Deno.test("connections that end one after another have ended", async () => {
  const never = () => {
    throw new Error("Not all have ended at once");
  };
  let time = 0;
  const ends = new CommonEnd(never, () => time);
  const all = await Promise.all([served(ends), served(ends)]);
  for (const [own, far] of all) {
    time += 1_000;
    await far.closeWrite();
    assertEquals(await own.read(), null);
  }
  for (const each of all.flat()) each.close();
});

Deno.test("an end is an end while another connection lives, and where there is no other", async () => {
  const never = () => {
    throw new Error("Not all have ended");
  };
  const ends = new CommonEnd(never);
  const [a, farA] = await served(ends);
  const [b, farB] = await served(ends);
  const living = a.read();
  await farB.closeWrite();
  assertEquals(await b.read(), null);
  await farA.write(new Uint8Array([2]));
  assertEquals(await living, new Uint8Array([2]));

  const [c, farC] = await served(new CommonEnd(never));
  await farC.closeWrite();
  assertEquals(await c.read(), null);
  for (const each of [a, b, c, farA, farB, farC]) each.close();
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
