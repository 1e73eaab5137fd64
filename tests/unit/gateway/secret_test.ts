import { AgentError } from "../../../lib/errors.ts";
import { readSecret } from "../../../lib/gateway/secret.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";

async function secretIn(content: string): Promise<string> {
  const path = await Deno.makeTempFile({ prefix: "rda-secret-" });
  try {
    await Deno.writeTextFile(path, content);
    return await readSecret(path);
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("the token for a guest is the first line of its file", async () => {
  const longest = "x".repeat(4096);
  const cases: [content: string, token: string][] = [
    ["secret", "secret"],
    ["secret\n", "secret"],
    [" secret \r\nnext\n", "secret"],
    [longest, longest],
  ];
  for (const [content, token] of cases) assertEquals(await secretIn(content), token);
});

Deno.test("what cannot be a token is refused, and not repeated", async () => {
  const bad = ["", "\nsecret\n", "two words", "sécret", "a\x7fb", "x".repeat(4097)];
  for (const content of bad) {
    const error = await assertRejects(() => secretIn(content), AgentError, "There is no token in");
    assertEquals((error as AgentError).kind, "config");
  }
  await assertRejects(() => secretIn("x".repeat(65_537)), AgentError, "larger than 65536 bytes");
  await assertRejects(() => readSecret("/no/such/file"), AgentError, "no such file");
});
