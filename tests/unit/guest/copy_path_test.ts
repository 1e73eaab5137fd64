import { ReplyError } from "../../../lib/docker/error_reply.ts";
import { checkStillWithin, copyPlace, pinPlace } from "../../../lib/guest/copy_path.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";

/** `root` with `a/b` in it, and `outside` with a `b` of its own. */
async function withFolders(body: (root: string, outside: string) => Promise<void>): Promise<void> {
  const base = await Deno.realPath(await Deno.makeTempDir({ prefix: "rda-copy-path-" }));
  try {
    for (const path of ["root/a/b", "outside/b"]) {
      await Deno.mkdir(`${base}/${path}`, { recursive: true });
    }
    await body(`${base}/root`, `${base}/outside`);
  } finally {
    await Deno.remove(base, { recursive: true });
  }
}

async function statusOf(asking: Promise<unknown>): Promise<number> {
  const error = await assertRejects(() => asking, ReplyError);
  assert(error instanceof ReplyError);
  return error.status;
}

Deno.test("a place is a name in a directory below one of the roots", async () => {
  await withFolders(async (root, outside) => {
    const directory = `${root}/a`;
    const longest = "x".repeat(255);
    for (const name of ["f", longest, ".hidden", "..f"]) {
      assertEquals(await copyPlace(`${root}/a/${name}`, [outside, root]), { directory, name });
    }
    assertEquals(await copyPlace(`${root}/f`, [root]), { directory: root, name: "f" });
    assertEquals((await copyPlace(`${root}/f`, ["/"])).directory, root, "the root of all");
    const refused: [path: string, roots: readonly string[], status: number][] = [
      ["", [root], 400],
      ["f", [root], 400],
      [`${root}/`, [root], 400],
      [`${root}/.`, [root], 400],
      [`${root}/..`, [root], 400],
      ["/", ["/"], 400],
      [`${root}/a\0/f`, [root], 400],
      [`${root}/${longest}x`, [root], 400],
      [`${root}/${"é".repeat(128)}`, [root], 400],
      [`${outside}/f`, [root], 403],
      [`${root}`, [root], 403],
      [`${root}-beside/f`, [root], 403],
      [`${root}/f`, [], 403],
      [`${root}/f`, [`${root}/missing`], 403],
      [`${root}/missing/f`, [root], 404],
      ["/missing/f", ["/"], 404],
    ];
    for (const [path, roots, status] of refused) {
      assertEquals(await statusOf(copyPlace(path, roots)), status, path.slice(0, 100));
    }
  });
});

Deno.test("what has come to the place of a good directory is not taken for it", async () => {
  await withFolders(async (root, outside) => {
    const place = await copyPlace(`${root}/a/b/f`, [root]);
    {
      await using pinned = await pinPlace(place, [outside, root]);
      await checkStillWithin(`${pinned.path}/.`, [outside, root]);
      assertEquals(await statusOf(checkStillWithin(pinned.path, [outside])), 403);
      assertEquals(await statusOf(checkStillWithin(`${pinned.path}/missing`, [root])), 403);
    }
    assertEquals(await statusOf(pinPlace(place, [outside])), 403, "no root any more");
    await Deno.rename(`${root}/a`, `${root}/c`);
    assertEquals(await statusOf(pinPlace(place, [root])), 403, "gone");
    await Deno.symlink(outside, `${root}/a`);
    assertEquals(await statusOf(pinPlace(place, [root])), 403, "another one, by a link above it");
    await Deno.remove(`${root}/a`);
    await Deno.mkdir(`${root}/a`);
    await Deno.symlink(`${root}/c/b`, `${root}/a/b`);
    assertEquals(await statusOf(pinPlace(place, [root])), 403, "a link, be it to the same");
  });
});

Deno.test({
  name: "a pinned directory is the same one wherever it is moved",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await withFolders(async (root, outside) => {
      const place = await copyPlace(`${root}/a/b/f`, [root]);
      await using pinned = await pinPlace(place, [root]);
      await Deno.rename(`${root}/a/b`, `${root}/moved`);
      await Deno.symlink(outside, `${root}/a/b`);
      await Deno.writeTextFile(`${pinned.path}/f`, "x");
      assertEquals(await Deno.readTextFile(`${root}/moved/f`), "x");
      await checkStillWithin(`${pinned.path}/f`, [root]);
      await Deno.rename(`${root}/moved`, `${outside}/moved`);
      assertEquals(await statusOf(checkStillWithin(`${pinned.path}/f`, [root])), 403);
    });
  },
});
