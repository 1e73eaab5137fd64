import { PAGE, renewPage } from "../../../scripts/write_docs.ts";
import { assert, assertThrows } from "../../support/assert.ts";

Deno.test("the reference is up to date with the option table (else: deno task docs)", () => {
  const page = Deno.readTextFileSync(PAGE);
  assert(renewPage(page) === page, "docs/configuration.md is stale; run: deno task docs");
});

Deno.test("a page without its markers is refused", () => {
  assertThrows(() => renewPage("# Configuration\n"), Error, "begin options");
});
