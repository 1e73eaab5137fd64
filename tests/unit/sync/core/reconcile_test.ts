import type { SyncMode } from "../../../../lib/sync/types.ts";
import { assert, assertEquals } from "../../../support/assert.ts";
import { reconcile, unknownContent } from "../../../../lib/sync/core/reconcile.ts";
import { parentsOf } from "../../../../lib/sync/core/entry.ts";
import { mulberry32 } from "../random.ts";
import { changesOf, settle, text, type Tree, tree } from "../trees.ts";

/** name, ancestor, local, remote → local, remote, kept. `=` for "as local", "" for nothing. */
type Row = [
  name: string,
  ancestor: string,
  local: string,
  remote: string,
  afterLocal: string,
  afterRemote?: string,
  kept?: string,
];

const TWO_WAY: Row[] = [
  ["nothing anywhere", "", "", "", ""],
  ["all the same", "a=1", "a=1", "a=1", "a=1"],
  ["new local file", "", "a=1", "", "a=1"],
  ["new remote file", "", "", "a=1", "a=1"],
  ["same new file on both", "", "a=1", "a=1", "a=1"],
  ["different new files", "", "a=1", "a=2", "a=1", "=", "a=2"],
  ["new, differing in the mode alone", "", "a=1!", "a=1", "a=1!"],
  ["local edit", "a=1", "a=2", "a=1", "a=2"],
  ["remote edit", "a=1", "a=1", "a=2", "a=2"],
  ["same edit on both", "a=1", "a=2", "a=2", "a=2"],
  ["different edits", "a=1", "a=2", "a=3", "a=2", "=", "a=3"],
  ["local chmod", "a=1", "a=1!", "a=1", "a=1!"],
  ["remote chmod", "a=1", "a=1", "a=1!", "a=1!"],
  ["local chmod, remote edit", "a=1", "a=1!", "a=2", "a=1!", "=", "a=2"],
  ["local edit, remote chmod", "a=1", "a=2", "a=1!", "a=2"],
  ["local delete", "a=1", "", "a=1", ""],
  ["remote delete", "a=1", "a=1", "", ""],
  ["delete on both", "a=1", "", "", ""],
  ["local delete, remote edit", "a=1", "", "a=2", "a=2"],
  ["local edit, remote delete", "a=1", "a=2", "", "a=2"],
  ["links", "l->a", "l->b", "l->a", "l->b"],
  ["links changed on both", "l->a", "l->b", "l->c", "l->b", "=", "l=c"],
  ["file to link", "a=1", "a->b", "a=1", "a->b"],
  ["link to file, remotely", "a->b", "a->b", "a=1", "a=1"],
  ["new directory with content", "", "d/ d/a=1 d/e/", "", "d/ d/a=1 d/e/"],
  ["new remote directory", "", "", "d/ d/a=1", "d/ d/a=1"],
  ["same directory, different files", "", "d/ d/a=1", "d/ d/b=2", "d/ d/a=1 d/b=2"],
  ["local directory deleted", "d/ d/a=1", "", "d/ d/a=1", ""],
  ["remote directory deleted", "d/ d/a=1", "d/ d/a=1", "", ""],
  [
    "local directory deleted, remote edit below",
    "d/ d/a=1 d/b=1",
    "",
    "d/ d/a=2 d/b=1",
    "d/ d/a=2",
  ],
  ["local directory deleted, new remote file below", "d/ d/a=1", "", "d/ d/a=1 d/n=2", "d/ d/n=2"],
  [
    "remote directory deleted, local edit below",
    "d/ d/a=1 d/b=1",
    "d/ d/a=2 d/b=1",
    "",
    "d/ d/a=2",
  ],
  [
    "remote directory deleted, new local file deep below",
    "d/ d/e/",
    "d/ d/e/ d/e/n=1",
    "",
    "d/ d/e/ d/e/n=1",
  ],
  ["local directory to file", "d/ d/a=1", "d=9", "d/ d/a=1", "d=9"],
  [
    "local directory to file, remote edit below",
    "d/ d/a=1",
    "d=9",
    "d/ d/a=2",
    "d=9",
    "=",
    "d/a=2",
  ],
  ["local directory to file, remote delete", "d/ d/a=1", "d=9", "", "d=9"],
  ["remote directory to file", "d/ d/a=1", "d/ d/a=1", "d=9", "d=9"],
  [
    "remote directory to file, local edit below",
    "d/ d/a=1",
    "d/ d/a=2",
    "d=9",
    "d/ d/a=2",
    "=",
    "d=9",
  ],
  ["local file to directory", "d=1", "d/ d/a=1", "d=1", "d/ d/a=1"],
  ["local file to directory, remote edit", "d=1", "d/ d/a=1", "d=2", "d/ d/a=1", "=", "d=2"],
  ["remote file to directory", "d=1", "d=1", "d/ d/a=1", "d/ d/a=1"],
  ["remote file to directory, local edit", "d=1", "d=2", "d/ d/a=1", "d=2", "=", "d/a=1"],
  ["new: local file, remote directory", "", "d=1", "d/ d/e/ d/e/a=1", "d=1", "=", "d/e/a=1"],
  ["new: local directory, remote file", "", "d/ d/a=1", "d=1", "d/ d/a=1", "=", "d=1"],
  ["moved locally", "a=1", "b=1", "a=1", "b=1"],
  ["moved on both to different names", "a=1", "b=1", "c=1", "b=1 c=1"],
  ["remote move, local edit", "a=1", "a=2", "b=1", "a=2 b=1"],
  ["names that sort around a slash", "a/ a/b=1 a-b=1", "a/ a/b=1", "a/ a-b=1", "a/"],
];

const ONE_WAY: Row[] = [
  ["local file", "", "a=1", "", "a=1"],
  ["remote file stays", "", "", "a=1", "", "a=1"],
  ["remote edit stays", "a=1", "a=1", "a=2", "a=1", "a=2"],
  ["remote delete is undone", "a=1", "a=1", "", "a=1"],
  ["local edit", "a=1", "a=2", "a=1", "a=2"],
  ["both edited", "a=1", "a=2", "a=3", "a=2", "=", "a=3"],
  ["local delete", "a=1", "", "a=1", ""],
  ["local delete of what was edited there", "a=1", "", "a=2", "", "a=2"],
  ["local directory deleted, new file there", "d/ d/a=1", "", "d/ d/a=1 d/n=1", "", "d/ d/n=1"],
  ["remote file in the way of a directory", "d/ d/a=1", "d/ d/a=1", "d=9", "d/ d/a=1", "=", "d=9"],
  [
    "local file in place of a changed directory",
    "d/ d/a=1",
    "d=1",
    "d/ d/a=2",
    "d=1",
    "=",
    "d/a=2",
  ],
];

const REPLICA: Row[] = [
  ["local file", "", "a=1", "", "a=1"],
  ["remote file goes", "", "a=1", "a=1 b=2", "a=1"],
  ["remote edit goes", "a=1", "a=1", "a=2", "a=1"],
  ["remote directory goes", "", "", "d/ d/e/ d/e/a=1", ""],
  ["file for directory", "", "d=1", "d/ d/a=1", "d=1"],
  ["directory for file", "", "d/ d/a=1", "d=1", "d/ d/a=1"],
];

function table(mode: SyncMode, rows: readonly Row[]): void {
  for (const [name, ancestor, local, remote, afterLocal, afterRemote = "=", kept = ""] of rows) {
    Deno.test(`${mode}: ${name}`, () => {
      const after = settle(tree(ancestor), tree(local), tree(remote), mode);
      assertEquals(text(after.local), text(tree(afterLocal)), "local");
      const wanted = afterRemote === "=" ? afterLocal : afterRemote;
      assertEquals(text(after.remote), text(tree(wanted)), "remote");
      assertEquals(after.kept.join(" "), kept, "kept");
      const again = settle(after.ancestor, after.local, after.remote, mode);
      assertEquals(again.kept, [], "a second round keeps nothing");
      assertEquals([text(again.local), text(again.remote)], [
        text(after.local),
        text(after.remote),
      ]);
    });
  }
}

table("two-way-safe", TWO_WAY);
table("one-way-safe", ONE_WAY);
table("one-way-replica", REPLICA);

Deno.test("off: nothing is decided", () => {
  assertEquals(reconcile(changesOf(tree(""), tree("a=1"), tree("b=1")), "off"), []);
});

Deno.test("contents are asked for only where sizes leave a doubt", () => {
  const file = (size: number, content?: string) => ({
    kind: "file" as const,
    mode: 0o644,
    size,
    ...(content !== undefined && { content }),
  });
  const cases: [Parameters<typeof unknownContent>[0], boolean, boolean][] = [
    [{ path: "a", local: file(1) }, false, false],
    [{ path: "a", local: file(1), remote: file(1) }, true, true],
    [{ path: "a", local: file(1), remote: file(2) }, false, false],
    [{ path: "a", ancestor: file(1, "x"), local: file(1), remote: file(1, "x") }, true, false],
    [{ path: "a", ancestor: file(1, "x"), local: file(2), remote: file(1, "x") }, false, false],
    [{ path: "a", ancestor: file(1, "x"), local: file(1, "x"), remote: file(1) }, false, true],
  ];
  for (const [change, local, remote] of cases) {
    assertEquals(unknownContent(change), { local, remote });
  }
});

Deno.test("random trees become equal, well-formed, and lose no content", () => {
  const seed = Number(Deno.env.get("RDA_SEED") ?? 20_261);
  const random = mulberry32(seed);
  for (let round = 0; round < 20_000; round++) {
    const ancestor = randomTree(random, new Map());
    const local = randomTree(random, ancestor);
    const remote = randomTree(random, ancestor);
    const note = `seed ${seed}, round ${round}: ${text(ancestor)} | ${text(local)} | ${
      text(remote)
    }`;
    const after = settle(ancestor, local, remote, "two-way-safe");
    assertEquals(text(after.local), text(after.remote), note);
    assertEquals(text(after.ancestor), text(after.local), note);
    wellFormed(after.local, note);
    lostNothing(ancestor, local, after.local, after.kept, note);
    lostNothing(ancestor, remote, after.local, after.kept, note);
  }
});

/** `base` after a few random edits; stays well-formed. */
function randomTree(random: () => number, base: Tree): Tree {
  const result = new Map(base);
  const names = ["a", "b", "a/a", "a/b", "b/a", "a/a/a", "a/a/b"];
  const edits = Math.floor(random() * 6);
  for (let i = 0; i < edits; i++) {
    const path = names[Math.floor(random() * names.length)] ?? "a";
    for (const known of [...result.keys()]) {
      if (known === path || known.startsWith(`${path}/`)) {
        if (random() < 0.5 || known === path) result.delete(known);
      }
    }
    const kind = Math.floor(random() * 4);
    if (kind !== 0) {
      for (const parent of parentsOf(path)) {
        result.set(parent, { kind: "dir", mode: 0o755, size: 0, content: "" });
      }
      const content = String(Math.floor(random() * 4));
      const word = kind === 1 ? `${path}/` : `${path}=${content}${kind === 2 ? "!" : ""}`;
      for (const [key, entry] of tree(word)) result.set(key, entry);
    }
    for (const known of [...result.keys()]) {
      if ([...parentsOf(known)].some((p) => result.get(p)?.kind !== "dir")) result.delete(known);
    }
  }
  return result;
}

function wellFormed(of: Tree, note: string): void {
  for (const path of of.keys()) {
    for (const parent of parentsOf(path)) assertEquals(of.get(parent)?.kind, "dir", note);
  }
}

/** What a side had changed since the ancestor is in the result, or kept; unless the other won. */
function lostNothing(
  ancestor: Tree,
  side: Tree,
  after: Tree,
  kept: readonly string[],
  note: string,
): void {
  for (const [path, entry] of side) {
    if (entry.kind !== "file" || ancestor.get(path)?.content === entry.content) continue;
    const survived = after.get(path)?.content === entry.content ||
      kept.includes(`${path}=${entry.content}`);
    assert(survived, `"${path}" is lost: ${note}`);
  }
}
