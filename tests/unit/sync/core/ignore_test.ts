/** What takes no part in a sync: compared with git itself where git is there. */
import {
  isTemporary,
  linesBelow,
  temporaryName,
  writerOf,
} from "../../../../lib/sync/core/ignore.ts";
import { IgnoreFiles } from "../../../../lib/sync/local/ignore_files.ts";
import { assert, assertEquals } from "../../../support/assert.ts";
import { edit, SyncBench } from "../harness.ts";
import { contents } from "../harness.ts";

/** A tree on disk with ignore files in it, and the rules for it. */
function ignoring(files: Record<string, string>, patterns: string[] = [], gitignore = true) {
  const root = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rda-ignore-" }));
  edit(root, files);
  const ignore = new IgnoreFiles({ root, platform: Deno.build.os }, patterns, gitignore);
  return {
    root,
    ignore,
    /** As a scan asks: from the top, and nothing below what is ignored. */
    isIgnored(path: string): boolean {
      const names = path.split("/");
      return names.some((_, i) => {
        const part = names.slice(0, i + 1).join("/");
        return ignore.rules(part, i + 1 < names.length || path.endsWith("/"));
      });
    },
    [Symbol.dispose]: () => Deno.removeSync(root, { recursive: true }),
  };
}

Deno.test("patterns of the user, in gitignore's syntax", () => {
  using tree = ignoring({}, ["# comment\n*.log\n!keep.log\n/build/\n", "node_modules"]);
  const cases: [string, boolean, boolean][] = [
    ["a.log", false, true],
    ["d/a.log", false, true],
    ["keep.log", false, false],
    ["build", true, true],
    ["build", false, false],
    ["d/build", true, false],
    ["d/node_modules", true, true],
    [".git", true, false],
    [temporaryName(), false, true],
  ];
  for (const [path, isDirectory, ignored] of cases) {
    assertEquals(tree.ignore.rules(path, isDirectory), ignored, path);
  }
});

Deno.test("our temporary files are known by their names, which tell who writes", () => {
  assert(isTemporary(`d/${temporaryName()}`));
  assert(!isTemporary(".rda-sync-notes.tmp"));
  assertEquals(writerOf(`/d/${temporaryName()}`), Deno.pid);
  assert(isTemporary(temporaryName("key")));
  assertEquals(temporaryName("key"), temporaryName("key"));
  assertEquals(writerOf(temporaryName("key")), undefined);
});

const NESTED: Record<string, string> = {
  ".gitignore": "*.o\n/dist\ndocs/*.html\n",
  "a/.gitignore": "!keep.o\n/local\ndeep/x\nsub/\n# a comment\n\\#hash\n\\!bang\n",
  "a/b/.gitignore": "*\n!.gitignore\n!wanted/\n",
  "we[i]rd *dir/.gitignore": "inner.txt\n",
};
const PATHS = [
  "x.o",
  "a/x.o",
  "a/keep.o",
  "keep.o",
  "dist",
  "a/dist",
  "docs/i.html",
  "a/docs/i.html",
  "a/local",
  "a/c/local",
  "local",
  "a/deep/x",
  "a/c/deep/x",
  "a/sub/f",
  "a/c/sub/f",
  "sub/f",
  "a/#hash",
  "a/!bang",
  "#hash",
  "a/b/f",
  "a/b/.gitignore",
  "a/b/wanted/f",
  "we[i]rd *dir/inner.txt",
  "we[i]rd *dir/d/inner.txt",
  "inner.txt",
];

Deno.test("ignore files in folders below hold for those, as git does it", () => {
  using tree = ignoring(NESTED);
  edit(tree.root, Object.fromEntries(PATHS.map((path) => [path, NESTED[path] ?? ""])));
  const git = (...args: string[]) =>
    new Deno.Command("git", {
      args,
      cwd: tree.root,
      env: { GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" },
    }).outputSync();
  assert(git("init", "-q").success);
  const listed = git("ls-files", "-z", "-o", "--exclude-standard");
  const kept = new Set(new TextDecoder().decode(listed.stdout).split("\0"));
  for (const path of PATHS) assertEquals(tree.isIgnored(path), !kept.has(path), path);
});

Deno.test("what counts: the nearest file, ours before git's, the user's patterns before all", () => {
  const files = {
    ".gitignore": "*.a\n*.b\n*.c\n",
    ".remote-docker-agent-ignore": "!*.a\n",
    "d/.gitignore": "!*.b\n",
    "d/.remote-docker-agent-ignore": "*.d\n",
  };
  using tree = ignoring(files, ["!*.c", "*.e"]);
  const cases: [string, boolean][] = [
    ["x.a", false],
    ["x.b", true],
    ["d/x.b", false],
    ["x.c", false],
    ["d/x.d", true],
    ["x.d", false],
    ["d/x.e", true],
  ];
  for (const [path, ignored] of cases) assertEquals(tree.isIgnored(path), ignored, path);
  using without = ignoring(files, [], false);
  assertEquals([without.isIgnored("x.b"), without.isIgnored("d/x.d")], [false, true]);
});

Deno.test("files that have changed hold once they are read again", () => {
  using tree = ignoring({ "d/.gitignore": "x\n" });
  assertEquals(tree.isIgnored("d/x"), true);
  edit(tree.root, { "d/.gitignore": "y\n" });
  assertEquals([tree.ignore.has("d/.gitignore"), tree.ignore.has("d/x")], [true, false]);
  tree.ignore.forget();
  assertEquals([tree.isIgnored("d/x"), tree.isIgnored("d/y")], [false, true]);
});

Deno.test("the lines of a nested file, as they would stand in one at the root", () => {
  assertEquals(linesBelow("a b/c", "\uFEFFx\r\n!/y\nz/\np/q\n\n#no"), [
    "/a b/c/**/x",
    "!/a b/c/y",
    "/a b/c/**/z/",
    "/a b/c/p/q",
  ]);
});

Deno.test("nested ignore files: what they name stays where it is on each side", async () => {
  await using bench = new SyncBench({ gitignore: true });
  const rules = { "web/.gitignore": "node_modules/\n", ".remote-docker-agent-ignore": "*.tmp\n" };
  edit(bench.local, {
    ...rules,
    "web/a.js": "1",
    "web/node_modules/l": "l",
    "node_modules/x": "x",
  });
  edit(bench.remote, { "web/node_modules/r": "r", "web/r.tmp": "r" });
  await bench.session.flush();
  const both = {
    ...rules,
    "web": "/",
    "web/a.js": "1",
    "node_modules": "/",
    "node_modules/x": "x",
  };
  const there = { "web/node_modules": "/", "web/node_modules/r": "r", "web/r.tmp": "r" };
  assertEquals(contents(bench.remote), { ...both, ...there });
  // What is ignored no more travels; what is ignored from now on is no longer agreed on, and stays.
  edit(bench.local, { "web/.gitignore": "*.js\n" });
  await bench.session.flush();
  edit(bench.local, { "web/a.js": null });
  await bench.session.flush();
  assertEquals(contents(bench.remote)["web/a.js"], "1");
  assertEquals(contents(bench.remote)["web/node_modules/l"], "l");
  assertEquals(contents(bench.local)["web/node_modules/r"], "r");
});

Deno.test("a file that is mounted by itself is meant, whatever is ignored", async () => {
  await using bench = new SyncBench({ only: ".env", gitignore: true, ignore: [".env"] });
  edit(bench.local, { ".gitignore": ".env\n", ".env": "A=1" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { ".env": "A=1" });
});
