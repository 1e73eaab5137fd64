/** Hints about a remote tree: by inotifywait, by a loop, and by a loop where inotifywait gives up. */
import { join } from "node:path";
import { watchRemote } from "../../../../lib/sync/remote/watch.ts";
import type { SpawnOptions } from "../../../../lib/transport/transport.ts";
import { assert, assertEquals } from "../../../support/assert.ts";
import { LocalShell } from "../../../support/local_shell.ts";
import { until } from "../../../support/poll.ts";
import { edit } from "../harness.ts";

const hasInotify = new Deno.Command("sh", { args: ["-c", "command -v inotifywait"] })
  .outputSync().success;

/** What stands in the place of inotifywait: the real one, none, or one that gives up at once. */
type Tool = "real" | "none" | "gives up";

/** A watch of a fresh tree, and the number of its hints. */
class Watched implements AsyncDisposable {
  readonly base: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rda-watch-" }));
  readonly root: string = join(this.base, "data");
  hints = 0;
  readonly #watch = new AbortController();
  /** The exit of the script, from when it has been started. */
  #exit: Promise<unknown> = Promise.resolve();

  static async open(tool: Tool, staging = "staging"): Promise<Watched> {
    const watched = new Watched();
    const { base, root } = watched;
    edit(base, { "data/d/a": "1", [`${staging}/`]: "" });
    const path = tool === "real" ? "" : `PATH=${watched.#bin(tool)}; export PATH; `;
    const shell = new LocalShell();
    const watch = async (command: string, options?: SpawnOptions) => {
      const process = await shell.spawn(path + command, options);
      watched.#exit = process.exit;
      return process;
    };
    const place = { path: root, staging: join(base, staging) };
    const onChange = () => watched.hints++;
    const { signal } = watched.#watch;
    await watchRemote({ spawn: shell.spawn, run: shell.run, watch }, place, {
      onChange,
      onEnd: () => {},
      signal,
    });
    return watched;
  }

  /** A directory of links to the tools, but for inotifywait. */
  #bin(tool: Tool): string {
    const bin = join(this.base, "bin");
    Deno.mkdirSync(bin);
    for (const directory of ["/usr/bin", "/bin"]) {
      for (const { name } of Deno.readDirSync(directory)) {
        if (name === "inotifywait") continue;
        try {
          Deno.symlinkSync(join(directory, name), join(bin, name));
        } catch {
          // Both directories have it.
        }
      }
    }
    if (tool === "gives up") {
      Deno.writeTextFileSync(
        join(bin, "inotifywait"),
        "#!/bin/sh\necho 'upper limit on inotify watches reached!' >&2; exit 1\n",
        { mode: 0o755 },
      );
    }
    return bin;
  }

  /** Waits until there is one more hint after `change`. */
  async hinted(change: () => void): Promise<void> {
    const before = this.hints;
    change();
    await until("there is a hint", () => this.hints > before);
  }

  /** Waits until there is nothing more to be said about what has been done. */
  async quiet(): Promise<void> {
    for (let before = -1; before !== this.hints;) {
      before = this.hints;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#watch.abort();
    await this.#exit;
    const left = [...Deno.readDirSync(this.base)].flatMap(({ name }) =>
      name.startsWith("staging") ? [...Deno.readDirSync(join(this.base, name))] : []
    );
    Deno.removeSync(this.base, { recursive: true });
    assertEquals(left, []);
  }
}

for (const tool of ["none", "gives up"] as const) {
  Deno.test(`changes in a remote tree are told (inotifywait: ${tool})`, async () => {
    await using watched = await Watched.open(tool);
    await watched.hinted(() => edit(watched.root, { "d/a": "2" }));
    await watched.hinted(() => edit(watched.root, { "new/deep/b": "1" }));
  });
}

Deno.test({
  name: "changes in a remote tree are told at once by inotifywait, also in new directories",
  ignore: !hasInotify,
}, async () => {
  await using watched = await Watched.open("real");
  const { root } = watched;
  await watched.quiet();
  await watched.hinted(() => edit(root, { "d/a": "2" }));
  await watched.hinted(() => edit(root, { "new/deep/b": "1" }));
  await watched.quiet();
  await watched.hinted(() => edit(root, { "new/deep/b": "2" }));
  await watched.quiet();
  await watched.hinted(() => Deno.renameSync(join(root, "d"), join(root, "e")));
  await watched.quiet();
  await watched.hinted(() => edit(root, { "e/a": null }));
  const before = watched.hints;
  for (let i = 0; i < 500; i++) edit(root, { [`e/f${i}`]: "1" });
  await watched.quiet();
  assert(watched.hints < before + 200, `${watched.hints - before} hints of 500 files`);
});

Deno.test({
  name: "our own directory inside a tree gives no hints",
  ignore: !hasInotify,
}, async () => {
  await using watched = await Watched.open("real", "data/staging");
  let uploads = 0;
  // A hint from before may come late.
  await until("there is none", async () => {
    await watched.quiet();
    const before = watched.hints;
    edit(watched.root, { [`staging/up.${++uploads}/t`]: "1" });
    await watched.quiet();
    return watched.hints === before;
  }, { timeoutMs: 20_000 });
});
