/** Symlinks between Windows and everything else. */
import {
  LinkLost,
  linkObstacle,
  linkType,
  refusedTarget,
  targetElsewhere,
  targetHere,
} from "../../../../lib/sync/local/link.ts";
import { assertEquals } from "../../../support/assert.ts";

Deno.test("targets of links on Windows as the other side is to have them", () => {
  const cases: [target: string, path: string, expected: string][] = [
    ["a.txt", "l", "a.txt"],
    ["..\\lib\\x", "bin/l", "../lib/x"],
    ["sub/x", "l", "sub/x"],
    // Junctions know only absolute targets.
    ["C:\\p\\store\\x", "node_modules/x", "../store/x"],
    ["\\\\?\\C:\\p\\store\\x", "node_modules/x", "../store/x"],
    ["c:\\P\\node_modules\\.pnpm\\x\\", "node_modules/x", ".pnpm/x"],
    ["C:\\p", "l", "."],
    ["C:\\p", "a/l", ".."],
    ["D:\\elsewhere", "l", "D:\\elsewhere"],
    ["C:\\pp\\x", "l", "C:\\pp\\x"],
  ];
  for (const [target, path, expected] of cases) {
    assertEquals(targetElsewhere(target, path, "C:\\p", "windows"), expected, target);
  }
  assertEquals(targetElsewhere("a\\b", "l", "/p", "linux"), "a\\b");
  assertEquals(targetElsewhere("/p/b", "l", "/p", "darwin"), "/p/b");
  assertEquals(targetHere("../lib/x", "windows"), "..\\lib\\x");
  assertEquals(targetHere("../a\\b", "linux"), "../a\\b");
});

Deno.test("targets that mean nothing on Windows are refused there alone", () => {
  for (const content of ["/etc/passwd", "", "a:b/c", "con", "x/nul.txt", "a\\b", "dir./x"]) {
    const reason = content === "" ? "" : content;
    assertEquals(refusedTarget(content, "windows"), `its target "${reason}" is no path on Windows`);
    assertEquals(refusedTarget(content, "linux"), undefined);
    assertEquals(refusedTarget(content, "darwin"), undefined);
  }
  for (const content of ["a", "../../x", "./a/b", "a//b/", ".", ".hidden"]) {
    assertEquals(refusedTarget(content, "windows"), undefined, content);
  }
});

Deno.test("Windows is told which links lead to folders", () => {
  const kinds = new Map([["lib", "dir"], ["lib/x", "file"], ["a/b", "dir"], ["l", "link"]]);
  const cases: [path: string, content: string, type: string][] = [
    ["k", "lib", "dir"],
    ["k", "lib/", "dir"],
    ["k", "./lib/../a/b", "dir"],
    ["k", "lib/x", "file"],
    ["a/k", "b", "dir"],
    ["a/k", "../lib", "dir"],
    ["a/k", "..", "dir"],
    ["k", ".", "dir"],
    ["k", "../..", "dir"],
    ["k", "l", "file"],
    ["k", "nothing", "file"],
  ];
  for (const [path, content, type] of cases) {
    assertEquals(linkType(path, content, (at) => kinds.get(at)), type, `${path} -> ${content}`);
  }
});

Deno.test("a place without links is told from a link that cannot be made now", () => {
  const cases: [Error, string | undefined][] = [
    [
      new Deno.errors.PermissionDenied(
        "A required privilege is not held. (os error 1314): symlink",
      ),
      "Windows lets only administrators make links unless Developer Mode is on",
    ],
    [new Error("Incorrect function. (os error 1)"), "the file system here has no links"],
    [new Error("Operation not supported (os error 95)"), "the file system here has no links"],
    [new LinkLost(), "the file system here has no links"],
    [new Deno.errors.PermissionDenied("Permission denied (os error 13)"), undefined],
    [new Error("No space left on device (os error 28)"), undefined],
    [new Error("Incorrect parameter. (os error 145)"), undefined],
  ];
  for (const [error, expected] of cases) assertEquals(linkObstacle(error), expected, error.message);
});
