import { readKeyFile } from "../../../../../lib/transport/ssh/auth/key_file.ts";
import { Secrets } from "../../../../../lib/transport/ssh/auth/secrets.ts";
import { assertEquals } from "../../../../support/assert.ts";
import { makeKey, temporaryDirectory, writeKey } from "../fixture.ts";

Deno.test("hosts that want the same key at once ask one question", async () => {
  await using directory = await temporaryDirectory();
  const file = await readKeyFile(await writeKey(directory.path, "id", makeKey("secret").private));
  const answers: (string | null)[] = [null, "secret", "not asked for"];
  let asked = 0;
  const secrets = new Secrets({ prompt: { ask: () => Promise.resolve(answers[asked++] ?? null) } });
  const { signal } = new AbortController();
  // Whoever declines does so for one host only.
  assertEquals(await secrets.unlock(file, true, signal), undefined);
  const keys = await Promise.all([1, 2, 3].map(() => secrets.unlock(file, true, signal)));
  assertEquals(keys.map((key) => key === keys[0] && key !== undefined), [true, true, true]);
  assertEquals(asked, 2);
});
