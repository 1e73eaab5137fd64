import type { Action } from "../../../lib/sync/core/reconcile.ts";
import type { Agreed } from "../../../lib/sync/core/entry.ts";
import { diff } from "../../../lib/sync/core/diff.ts";
import { tickOf } from "../../../lib/sync/local/tree.ts";
import {
  localPath,
  localSource,
  pointsOutside,
  refusedName,
  relativeTo,
} from "../../../lib/sync/core/path_map.ts";
import { differsInCase } from "../../../lib/sync/local/renamed.ts";
import { makePlan, moveUnits, refusedPaths } from "../../../lib/sync/core/plan.ts";
import { isRacy, meantMode, openMode } from "../../../lib/sync/remote/stamp.ts";
import { formatBytes } from "../../../lib/sync/sources.ts";
import { splitPlace } from "../../../lib/cli/commands/sync.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { tree } from "./trees.ts";

Deno.test("sources of Docker's Windows clients are paths of this machine", () => {
  for (const source of ["C:\\x\\y", "C:/x/y", "/c/x/y", "//c/x/y", "/C/x/./y"]) {
    assertEquals(localSource(source, "windows"), "C:\\x\\y", source);
  }
  for (const mount of ["/mnt/c", "/host_mnt/c", "/run/desktop/mnt/host/c"]) {
    assertEquals(localSource(`${mount}/x/y`, "windows"), "C:\\x\\y", mount);
    assertEquals(localSource(`${mount}/x/y`, "darwin"), `${mount}/x/y`);
  }
  assertEquals(localSource("/mnt/data/x", "windows"), "\\mnt\\data\\x");
  assertEquals(localSource("/c", "windows"), "C:\\");
  assertEquals(localSource("/c/x", "linux"), "/c/x");
  assertEquals(localSource("//c/x", "linux"), "/c/x");
});

Deno.test("relative paths go there and back on either platform", () => {
  assertEquals(relativeTo("/a/b", "/a/b/c/d", "linux"), "c/d");
  assertEquals(relativeTo("/a/b", "/a/b", "linux"), "");
  assertEquals(relativeTo("/a/b", "/a/bc", "linux"), undefined);
  assertEquals(relativeTo("/a/b", "/a/b/..c", "linux"), "..c");
  assertEquals(relativeTo("C:\\a", "C:\\a\\b\\c", "windows"), "b/c");
  assertEquals(relativeTo("C:\\a", "D:\\a", "windows"), undefined);
  assertEquals(localPath("C:\\a", "b/c", "windows"), "C:\\a\\b\\c");
  assertEquals(localPath("/a", "b/c", "linux"), "/a/b/c");
});

Deno.test("links that lead out of the root are known", () => {
  const cases: [string, string, boolean][] = [
    ["l", "a", false],
    ["l", "../a", true],
    ["d/l", "../a", false],
    ["d/l", "../../a", true],
    ["d/l", "x/../../a", false],
    ["l", "/etc", true],
    ["l", "a/../../b", true],
    ["l", "C:\\x", true],
  ];
  for (const [path, target, outside] of cases) {
    assertEquals(pointsOutside(path, target), outside, `${path} -> ${target}`);
  }
});

Deno.test("file systems that count whole seconds let a file look the same for longer", () => {
  const at = (ms: number) => new Date(1_700_000_000_000 + ms);
  const cases: [mtime: Date | null, ctime: Date | null, tick: number][] = [
    [at(123), at(123), 50],
    [at(0), at(123), 50], // a time that was set: files come with those of the other side
    [at(123), null, 50],
    [at(0), at(0), 2_000],
    [at(0), null, 2_000],
    [null, null, 2_000],
  ];
  for (const [mtime, ctime, tick] of cases) assertEquals(tickOf({ mtime, ctime }), tick);
});

Deno.test("the first name that is written otherwise", () => {
  const cases: [path: string, real: string, parent: string | undefined, name?: string][] = [
    ["a/b", "a/b", undefined],
    ["a/b", "a/B", "a", "b"],
    ["D4/x/f", "d4/x/F", "", "D4"],
    ["a/b/C", "a/b/c", "a/b", "C"],
    ["link", "target", undefined],
    ["\u00e9", "e\u0301", undefined],
  ];
  for (const [path, real, parent, name] of cases) {
    const expected = parent === undefined ? undefined : { parent, name };
    assertEquals(differsInCase(path, real), expected, path);
  }
});

Deno.test("names that Windows refuses", () => {
  for (const name of ["a:b", "a?", "con", "NUL.txt", "dot.", "blank ", "a\nb"]) {
    assert(refusedName(name, "windows") !== undefined, name);
    assertEquals(refusedName(name, "linux"), undefined);
  }
  assertEquals(refusedName("console", "windows"), undefined);
});

Deno.test("what has the agreed stamp has the agreed content", () => {
  const entry = { kind: "file", mode: 0o644, size: 1, content: "x" } as const;
  const known = { entry, localStamp: "1", remoteStamp: "2" };
  const agreed = new Map([["a", known]]);
  const nothing = { same: new Set<Agreed>(), seen: new Map(), opaque: new Set<string>() };
  const same = { ...nothing, same: new Set([known]) };
  const seen = new Map([["a", {
    entry: { kind: "file", mode: 0o644, size: 1 } as const,
    stamp: "9",
  }]]);
  assertEquals(diff({ agreed, local: same, remote: same }), []);
  assertEquals(diff({ agreed, local: same }), []);
  const [change] = diff({ agreed, local: { ...nothing, seen }, remote: same });
  assertEquals([change?.local?.content, change?.remote?.content], [undefined, "x"]);
  assertEquals(change?.remoteSeen?.stamp, "2");
  const hidden = { ...nothing, opaque: new Set(["a"]) };
  assertEquals(diff({ agreed, local: hidden, remote: same }), [], "hidden is not gone");
  assertEquals(diff({ agreed, local: nothing, scope: ["b"] }), []);
  assertEquals(diff({ agreed, local: nothing, remote: same }).length, 1, "what is missing is gone");
});

Deno.test("children are removed before their directories, and a directory in the way goes first", () => {
  const local = tree("d/ d/e/ d/e/f=1 x=1");
  const actions: Action[] = ["d", "d/e", "d/e/f"].map((path) => (
    { path, side: "local", entry: undefined, keep: false }
  ));
  const file = tree("n=1").get("n");
  actions.push({ path: "x", side: "local", entry: tree("x/").get("x"), keep: false });
  actions.push({ path: "n", side: "remote", entry: file, keep: true });
  const plan = makePlan(actions, (side, path) => side === "local" ? local.get(path) : undefined);
  assertEquals(plan.local.remove, ["d/e/f", "x"]);
  assertEquals(plan.local.removeDirs, ["d/e", "d"]);
  assertEquals(plan.local.batches.map((batch) => batch.map(({ path }) => path)), [["x"]]);
  assertEquals(plan.keep, ["n"]);
});

Deno.test("what is below a new directory is moved with it", () => {
  const all = tree("old/ old/a=1 new/ new/b=1 new/c/ new/c/d=1 e=1");
  const batch = [...all].map(([path, entry]) => ({ path, entry }));
  const units = moveUnits(batch, (path) => path !== "old");
  assertEquals([...units].map(([dir, puts]) => [dir, puts.map(({ path }) => path)]), [
    ["old", ["old/a"]],
    ["", ["new", "e"]],
  ]);
});

Deno.test("names that differ only in case are told where the file system ignores case", () => {
  const limits = { platform: "darwin", ignoresCase: true } as const;
  const refused = refusedPaths(["README", "b", "B"], ["readme"], limits);
  assertEquals(refused.map(({ path }) => path), ["README", "B"]);
  assertEquals(refusedPaths(["README"], ["readme"], { ...limits, ignoresCase: false }), []);
});

Deno.test("a file that was written a moment ago may change unnoticed", () => {
  const stamp = "77 5 12.3456789010 13.0000000000 644";
  assert(isRacy(stamp, 12.36));
  assert(!isRacy(stamp, 13));
});

Deno.test("modes that are open to all stand for the agreed ones", () => {
  assertEquals(openMode(0o640, "file"), 0o666);
  assertEquals(openMode(0o750, "file"), 0o777);
  assertEquals(meantMode(0o666, "file", 0o640), 0o640);
  assertEquals(meantMode(0o777, "file", 0o640), 0o755);
  assertEquals(meantMode(0o600, "file", undefined), 0o600);
  assertEquals(meantMode(0o777, "dir", undefined), 0o755);
});

Deno.test("sizes are shown as docker shows them", () => {
  const cases: [number, string][] = [[0, "0 B"], [999, "999 B"], [1500, "1.5 kB"], [
    6.1e9,
    "6.1 GB",
  ]];
  for (const [bytes, text] of cases) assertEquals(formatBytes(bytes), text);
});

Deno.test("a place may name the host before a colon", () => {
  const cases: [string, string | undefined, string][] = [
    ["/srv/x", undefined, "/srv/x"],
    ["gpu:/srv/x", "gpu", "/srv/x"],
    ["dev@gpu:x", "dev@gpu", "x"],
    ["dev@[::1]:x", "dev@[::1]", "x"],
    ["gpu:", "gpu", "."],
    ["./a:b", undefined, "./a:b"],
  ];
  for (const [place, host, path] of cases) {
    assertEquals(splitPlace(place), { ...(host !== undefined && { host }), path }, place);
  }
});
