import { AgentError } from "../../../../lib/errors.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { memoryPair } from "../../../../lib/net/memory.ts";
import { CommonEnd } from "../../../../lib/transport/endpoint/common_end.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { passing } from "../../../support/engine.ts";

/** Ends that are seen by a clock which stands still unless it is told to go on. */
function bench() {
  let now = 0;
  let told = 0;
  const ends = new CommonEnd(() => told++, () => now);
  return { ends, told: () => told, pass: (ms: number) => now += ms };
}

/** A connection that has said something, and the other end of it. */
async function served(ends: CommonEnd): Promise<[own: Duplex, far: Duplex]> {
  const [own, far] = memoryPair();
  const watched = ends.watch(own);
  await far.write(new Uint8Array([1]));
  await watched.read();
  return [watched, far];
}

async function assertLost(read: Promise<unknown>): Promise<void> {
  const error = await assertRejects(() => read, AgentError, "was lost");
  assertEquals((error as AgentError).kind, "lost");
}

Deno.test("connections that all end at once are lost", async () => {
  const { ends, told } = bench();
  const all = await Promise.all([served(ends), served(ends), served(ends)]);
  const reads = all.slice(1).map(([own]) => own.read());
  for (const [, far] of all) await far.closeWrite();
  for (const read of reads) await assertLost(read);
  assert(told() > 0);
  for (const each of all.flat()) each.close();
});

Deno.test("a connection that the system has given up is lost, by whatever name", async () => {
  for (const code of ["ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENETUNREACH", "ENETDOWN"]) {
    const [own, far] = memoryPair();
    const failure = Object.assign(new Error(`read ${code}`), { code });
    const failing = { ...passing(own), read: () => Promise.reject(failure) };
    await assertLost(bench().ends.watch(failing).read());
    for (const each of [own, far]) each.close();
  }
});

Deno.test("ends have one cause if there is next to no time between them", async () => {
  for (const [apartMs, isCommon] of [[25, true], [26, false]] as const) {
    const { ends, told, pass } = bench();
    const [[first, farFirst], [second, farSecond]] = [await served(ends), await served(ends)];
    await farFirst.closeWrite();
    assertEquals(await first.read(), null);
    first.close();
    pass(apartMs);
    await farSecond.closeWrite();
    if (isCommon) await assertLost(second.read());
    else assertEquals(await second.read(), null);
    assertEquals(told() > 0, isCommon);
    for (const each of [farFirst, second, farSecond]) each.close();
  }
});

Deno.test("an end is an end while another connection lives, and where there is no other", async () => {
  const { ends, told } = bench();
  const [a, farA] = await served(ends);
  const [b, farB] = await served(ends);
  const [d, farD] = await served(ends);
  const living = a.read();
  await Promise.all([farB.closeWrite(), farD.closeWrite()]);
  assertEquals(await Promise.all([b.read(), d.read()]), [null, null]);
  await farA.write(new Uint8Array([2]));
  assertEquals(await living, new Uint8Array([2]));

  const [c, farC] = await served(new CommonEnd(() => assert(false)));
  await farC.closeWrite();
  assertEquals(await c.read(), null);
  assertEquals(told(), 0);
  for (const each of [a, b, c, d, farA, farB, farC, farD]) each.close();
});

Deno.test("one that nobody would see ending does not count as living", async () => {
  const { ends } = bench();
  const [idle, farIdle] = await served(ends);
  const [a, farA] = await served(ends);
  const [b, farB] = await served(ends);
  await Promise.all([farA.closeWrite(), farB.closeWrite()]);
  await Promise.all([assertLost(a.read()), assertLost(b.read())]);
  for (const each of [idle, farIdle, a, farA, b, farB]) each.close();
});

Deno.test("connections that never said anything prove nothing by their end", async () => {
  const { ends, told } = bench();
  const [own, far] = await served(ends);
  const [spare, farSpare] = memoryPair();
  const watched = ends.watch(spare);
  await Promise.all([far.closeWrite(), farSpare.closeWrite()]);
  assertEquals(await Promise.all([own.read(), watched.read()]), [null, null]);
  assertEquals(told(), 0);
  for (const each of [own, far, watched, farSpare]) each.close();
});

Deno.test("one that never said anything is not lost with those that did", async () => {
  const { ends } = bench();
  const [spare, farSpare] = memoryPair();
  const watched = ends.watch(spare);
  const [[a, farA], [b, farB]] = [await served(ends), await served(ends)];
  for (const far of [farA, farB, farSpare]) await far.closeWrite();
  await Promise.all([assertLost(a.read()), assertLost(b.read())]);
  assertEquals(await watched.read(), null);
  for (const each of [watched, farSpare, a, farA, b, farB]) each.close();
});

Deno.test("what we close ourselves is no end, and proves nothing about others", async () => {
  const { ends, told } = bench();
  const [[a, farA], [b, farB]] = [await served(ends), await served(ends)];
  const reading = a.read();
  a.close();
  assertEquals(await reading.catch(() => null), null);
  assertEquals(await farA.read(), null);
  await a.closed;
  await farB.closeWrite();
  assertEquals(await b.read(), null);
  assertEquals(told(), 0);
  for (const each of [farA, b, farB]) each.close();
});

Deno.test("one that ends unread has ended with the others", async () => {
  const { ends } = bench();
  const [near, far] = memoryPair();
  const closing = Promise.withResolvers<void>();
  const unread = ends.watch({ ...passing(near), closed: closing.promise });
  await far.write(new Uint8Array([1]));
  await unread.read();
  const [b, farB] = await served(ends);
  closing.resolve();
  await farB.closeWrite();
  await assertLost(b.read());
  for (const each of [unread, far, b, farB]) each.close();
});

/** A connection whose next read fails; memory knows no cuts. */
function failing(error: Error): Duplex {
  const [near] = memoryPair();
  return { ...passing(near), read: () => Promise.reject(error) };
}

Deno.test("a cut is a loss, unless cuts are to be taken for ends or it is our own", async () => {
  const { ends, told } = bench();
  const cut = new Deno.errors.UnexpectedEof("cut off");
  const reset = new Deno.errors.ConnectionReset("reset");
  for (const error of [cut, reset]) await assertLost(ends.watch(failing(error)).read());
  const lenient = (error: Error) => ends.watch(failing(error), { takesCutsForEnds: true });
  assertEquals(await lenient(cut).read(), null);
  await assertLost(lenient(reset).read());
  const other = new Error("another one");
  await assertRejects(() => ends.watch(failing(other)).read(), Error, "another one");
  const closed = ends.watch(failing(reset));
  closed.close();
  await assertRejects(() => closed.read(), Deno.errors.ConnectionReset);
  assertEquals(told(), 0);
});

Deno.test("cuts that are taken for ends are lost when they are the end of all", async () => {
  const { ends } = bench();
  const cut = new Deno.errors.UnexpectedEof("cut off");
  const reading = () => {
    const [near] = memoryPair();
    const chunks = [new Uint8Array([1])];
    const read = () => {
      const chunk = chunks.pop();
      return chunk === undefined ? Promise.reject(cut) : Promise.resolve(chunk);
    };
    return ends.watch({ ...passing(near), read }, { takesCutsForEnds: true });
  };
  const all = [reading(), reading()];
  await Promise.all(all.map((each) => each.read()));
  await Promise.all(all.map((each) => assertLost(each.read())));
});

Deno.test("what is told of a connection's memory is told of the watched one", () => {
  const { ends } = bench();
  const [own, far] = memoryPair();
  const plain = ends.watch(own);
  const watched = ends.watch({ ...own, closed: own.closed, readsSole: true, givesBack: true });
  assertEquals([plain.readsSole, plain.givesBack], [false, false]);
  assertEquals([watched.readsSole, watched.givesBack], [true, true]);
  own.close();
  far.close();
});
