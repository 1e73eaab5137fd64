import { endingWhen } from "../../../lib/intercept/half_close.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { pipe } from "../../../lib/net/pipe.ts";
import { assertEquals } from "../../support/assert.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("an end that tells nothing is kept back until the answer has ended", async () => {
  const [client, ours] = memoryPair();
  const [upstream, engine] = memoryPair();
  const piped = pipe(endingWhen(ours, () => Promise.resolve(false)), upstream);
  await client.closeWrite();
  let ended = false;
  const end = engine.read().then(() => ended = true);
  await engine.write(bytes("output"));
  assertEquals(await client.read(), bytes("output"));
  assertEquals(ended, false);
  await engine.closeWrite();
  assertEquals(await client.read(), null);
  await end;
  await piped;
});

Deno.test("an end that somebody waits for is passed on at once", async () => {
  const [client, ours] = memoryPair();
  const [upstream, engine] = memoryPair();
  const piped = pipe(endingWhen(ours, () => Promise.resolve(true)), upstream);
  await client.write(bytes("input"));
  await client.closeWrite();
  assertEquals(await engine.read(), bytes("input"));
  assertEquals(await engine.read(), null);
  await engine.write(bytes("output"));
  await engine.closeWrite();
  assertEquals(await client.read(), bytes("output"));
  assertEquals(await client.read(), null);
  await piped;
});

Deno.test("a client that is gone is not waited for", async () => {
  const [client, ours] = memoryPair();
  const wrapped = endingWhen(ours, () => Promise.resolve(false));
  await client.closeWrite();
  const reading = wrapped.read();
  wrapped.close();
  assertEquals(await reading, null);
});
