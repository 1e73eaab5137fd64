/** What the build of a release says where it cannot build all of it. */
import { withoutBase } from "../../../scripts/compile.ts";
import { assertEquals, assertStringIncludes } from "../../support/assert.ts";

Deno.test("without the base binary one line tells what is built and what is not", () => {
  const line = withoutBase("aarch64-apple-darwin");
  assertEquals(line.includes("\n"), false);
  assertStringIncludes(line, "portable file for aarch64-apple-darwin, and nothing for");
  for (
    const target of [
      "x86_64-unknown-linux-gnu",
      "aarch64-unknown-linux-gnu",
      "x86_64-apple-darwin",
      "x86_64-pc-windows-msvc",
    ]
  ) assertStringIncludes(line.split("nothing for")[1] ?? "", target);
});
