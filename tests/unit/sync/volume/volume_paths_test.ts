/** What archives of a volume and answers about one path say. */
import { commonParent } from "../../../../lib/sync/volume/download_volume.ts";
import { pathIn } from "../../../../lib/sync/volume/list_volume.ts";
import { pathStat } from "../../../../lib/sync/volume/path_stat.ts";
import { volumeStamp } from "../../../../lib/sync/volume/volume_stamp.ts";
import { contentIn, stampParts } from "../../../../lib/sync/remote/stamp.ts";
import { assertEquals } from "../../../support/assert.ts";

Deno.test("names in an archive begin with the last one of what was asked for", () => {
  const cases: [top: string, name: string, path: string][] = [
    ["", "volume", ""],
    ["", "volume/", ""],
    ["", "volume/a/b", "a/b"],
    ["a/b", "b", "a/b"],
    ["a/b", "b/", "a/b"],
    ["a/b", "b/c/", "a/b/c"],
  ];
  for (const [top, name, path] of cases) assertEquals(pathIn(top, name), path);
});

Deno.test("the deepest directory that holds them all", () => {
  assertEquals(commonParent(["a/b/c", "a/b/d/e"]), "a/b");
  assertEquals(commonParent(["a/b/c", "a/bc"]), "a");
  assertEquals(commonParent(["a/b", "c"]), "");
  assertEquals(commonParent(["a/b/c"]), "a/b");
});

Deno.test("the header about one path, as the engine writes it", () => {
  const header = (value: unknown) => btoa(JSON.stringify(value));
  const mtime = "2026-11-21T08:20:56.56247906Z";
  const found = { name: "v", size: 3, mode: 0o640, mtime, linkTarget: "" };
  const seconds = Date.UTC(2026, 10, 21, 8, 20, 56) / 1000;
  const file = { kind: "file", mode: 0o640, size: 3, mtime: seconds } as const;
  assertEquals(pathStat(header(found)), file);
  const of = (mode: number) => pathStat(header({ ...found, mode }))?.kind;
  assertEquals([of(2147484141), of(0x08000000 + 0o777), of(0x02000000)], ["dir", "link", "other"]);
  for (const bad of [undefined, "", "%", btoa("{"), header([]), header({ size: 1 })]) {
    assertEquals(pathStat(bad), undefined);
  }
});

Deno.test("a stamp says everything about a file", () => {
  const content = "ab".repeat(32);
  const stamp = volumeStamp({ kind: "file", mode: 0o100755, size: 7, mtime: 12.9, content });
  const { size, mtime, mode } = stampParts(stamp);
  assertEquals([size, mtime, mode, contentIn(stamp)], [7, 12, 0o755, content]);
  const link = volumeStamp({ kind: "link", mode: 0, size: 0, mtime: 5, content: "a b" });
  assertEquals([link.split(" ").length, contentIn(link)], [5, undefined]);
});
