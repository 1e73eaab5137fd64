/** Messages about files that cannot be read or written. */
import { AgentError } from "../../../../lib/errors.ts";
import { unreadableRoot } from "../../../../lib/sync/local/scan.ts";
import { withoutPaths } from "../../../../lib/sync/local/system_words.ts";
import { assert, assertEquals, assertStringIncludes } from "../../../support/assert.ts";

Deno.test("the system's words about a file do not name a temporary one", () => {
  const cases: [message: string, expected: string][] = [
    [
      "Permission denied (os error 13): rename '/s/.rda-sync-1.tmp' -> '/s/a'",
      "Permission denied (os error 13)",
    ],
    ["Access denied. (os error 5): open 'C:\\x'", "Access denied. (os error 5)"],
    ["something else: 'x'", "something else: 'x'"],
  ];
  for (const [message, expected] of cases) assertEquals(withoutPaths(new Error(message)), expected);
});

Deno.test("a folder that may not be read is told of, on macOS with who lets one in", () => {
  const refused = (code: number) =>
    new Deno.errors.PermissionDenied(`Operation not permitted (os error ${code}): readdir '/r'`);
  const cases: [platform: typeof Deno.build.os, code: number, hint: string][] = [
    ["darwin", 1, "Files and Folders"],
    ["darwin", 13, "yours to read"],
    ["linux", 1, "yours to read"],
    ["windows", 5, "yours to read"],
  ];
  for (const [platform, code, hint] of cases) {
    const error = unreadableRoot({ root: "/r", platform }, refused(code));
    assert(error instanceof AgentError);
    assertEquals(error.message, `Cannot read the folder "/r": operation not permitted`);
    assertStringIncludes(error.hint ?? "", hint);
  }
  const gone = new Deno.errors.NotFound("No such file");
  assertEquals(unreadableRoot({ root: "/r", platform: "darwin" }, gone), gone);
});
