import { parseUsers, readUsers } from "../../../lib/bridge/users.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assert, assertEquals, assertRejects, assertThrows } from "../../support/assert.ts";

Deno.test("users are known by name and password, which may have colons in it", () => {
  const check = parseUsers("# who\n\ndev:s3:cret\r\nünï:pässword\n", "users");
  assert(check("dev", "s3:cret"));
  assert(check("ünï", "pässword"));
  assert(parseUsers("\uFEFFdev:s3cret\r\n", "users")("dev", "s3cret"), "as Windows writes it");
  const wrong = [["dev", "s3"], ["dev", ""], ["", ""], ["nobody", "s3:cret"], ["Dev", "s3:cret"]];
  for (const [user = "", password = ""] of wrong) assertEquals(check(user, password), false);
});

Deno.test("a file that says nothing usable is refused without repeating it", () => {
  const cases: [string, RegExp][] = [
    ["", /names no user/],
    ["dev", /line 1 is not USER:PASSWORD/],
    ["a:b\n:secret", /line 2 is not USER:PASSWORD/],
    ["dev:secret\ndev:other", /line 2 names a user for the second time/],
    [`dev:${"x".repeat(256)}`, /line 1 has more than 255 bytes/],
  ];
  for (const [text, message] of cases) {
    const error = assertThrows(() => parseUsers(text, "users"), AgentError);
    assert(message.test(error.message), error.message);
    assert(!error.message.includes("secret"));
  }
});

Deno.test({
  name: "a file that others may read is refused, as ssh does with keys",
  ignore: Deno.build.os === "windows",
  async fn() {
    const path = await Deno.makeTempFile();
    try {
      await Deno.writeTextFile(path, "dev:secret\n");
      await Deno.chmod(path, 0o640);
      await assertRejects(() => readUsers(path), AgentError, "others may read it");
      await Deno.chmod(path, 0o600);
      assert((await readUsers(path))("dev", "secret"));
      await assertRejects(() => readUsers(`${path}.gone`), AgentError, "there is no such file");
    } finally {
      await Deno.remove(path);
    }
  },
});
