/** Things in a folder that cannot be synced, or are not what they were: one clear line, the rest goes on. */
import { configureLogging } from "../../../../lib/log.ts";
import { join } from "node:path";
import { AgentError } from "../../../../lib/errors.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../../support/assert.ts";
import type { Shell } from "../../../../lib/transport/transport.ts";
import { LocalShell } from "../../../support/local_shell.ts";
import { contents, edit, SyncBench } from "../harness.ts";

Deno.test("symlinks that lead out of the folder are synced, and told once", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", format: "text", write: (line) => lines.push(line) });
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1" });
  Deno.symlinkSync("/etc/hostname", join(bench.local, "away"));
  Deno.symlinkSync("../beside", join(bench.local, "beside"));
  Deno.symlinkSync("a", join(bench.local, "inside"));
  await bench.session.flush();
  await bench.session.flush();
  assertEquals(contents(bench.remote), contents(bench.local));
  const { problems } = bench.session.info();
  assertEquals(problems.map(({ path, isSynced }) => [path, isSynced]).sort(), [
    ["away", true],
    ["beside", true],
  ]);
  const told = lines.filter((line) => line.includes("leads out of the folder"));
  assertEquals(told.length, 1, lines.join(""));
  assertMatch(told[0] ?? "", /Synced as it is: .*\(and 1 more\)/);
  Deno.removeSync(join(bench.local, "away"));
  await bench.session.flush();
  assertEquals(bench.session.info().problems.map(({ path }) => path), ["beside"]);
});

Deno.test("what cannot be synced is told once, however often it is looked at", async () => {
  const lines: string[] = [];
  configureLogging({ level: "info", format: "text", write: (line) => lines.push(line) });
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1" });
  const listener = Deno.listen({ transport: "unix", path: join(bench.local, "socket") });
  await new Deno.Command("mkfifo", { args: [join(bench.local, "pipe")] }).output();
  const made = await new Deno.Command("mknod", { args: [join(bench.local, "null"), "c", "1", "3"] })
    .output();
  const isRoot = Deno.uid() === 0;
  if (!isRoot) {
    edit(bench.local, { "secret": "x", "closed/f": "x" });
    Deno.chmodSync(join(bench.local, "secret"), 0);
    Deno.chmodSync(join(bench.local, "closed"), 0);
  }
  for (let i = 0; i < 3; i++) await bench.session.flush();
  listener.close();
  const expected = ["pipe", "socket"].concat(made.success ? ["null"] : [])
    .concat(isRoot ? [] : ["closed", "secret"]).sort();
  assertEquals(bench.session.info().problems.map(({ path }) => path).sort(), expected);
  for (const path of expected) {
    assertEquals(lines.filter((line) => line.includes(`Not synced: "${path}"`)).length, 1, path);
  }
  assertEquals(contents(bench.remote), { "a": "1" });
});

Deno.test("names that differ only in case: one arrives, the other is told and stays", async () => {
  await using bench = new SyncBench({ ignoresCase: true });
  edit(bench.local, { "readme": "ours" });
  await bench.session.flush();
  edit(bench.remote, { "README": "theirs", "Dir/a": "1", "dir/b": "2", "other": "3" });
  for (let i = 0; i < 2; i++) await bench.session.flush();
  const local = contents(bench.local);
  assertEquals([local["readme"], local["README"], local["other"]], ["ours", undefined, "3"]);
  assertEquals([local["Dir/a"], local["dir/b"]].filter((text) => text !== undefined).length, 1);
  const reasons = bench.session.info().problems.map(({ reason }) => reason);
  assertEquals(reasons.length, 2, reasons.join("\n"));
  assert(reasons.every((reason) => reason.includes("only in case")));
  assertEquals(contents(bench.remote)["README"], "theirs");
  assertEquals(bench.session.info().conflicts, 0);
});

Deno.test("over there a name gets another case: it does here too, and nothing is told", async () => {
  await using bench = new SyncBench({ ignoresCase: true });
  edit(bench.local, { "readme": "1", "dir/a": "2", "stays": "3" });
  await bench.session.flush();
  Deno.renameSync(`${bench.remote}/readme`, `${bench.remote}/README`);
  Deno.renameSync(`${bench.remote}/dir`, `${bench.remote}/Dir`);
  await bench.session.flush();
  assertEquals(contents(bench.local), {
    ...{ "README": "1", "Dir": "/", "Dir/a": "2", "stays": "3" },
  });
  assertEquals(bench.session.info().problems, []);
});

Deno.test("a folder that becomes a file, and a folder again", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "b": "2" });
  await bench.session.flush();
  Deno.renameSync(bench.local, `${bench.local}.aside`);
  Deno.writeTextFileSync(bench.local, "a file");
  await assertRejects(() => bench.session.flush(), AgentError, "is no folder any more");
  Deno.removeSync(bench.local);
  Deno.renameSync(`${bench.local}.aside`, bench.local);
  edit(bench.local, { "a": "3" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "a": "3", "b": "2" });
});

Deno.test("a file that is mounted and becomes a folder, and a file again", async () => {
  await using bench = new SyncBench({ only: "conf", used: true });
  edit(bench.local, { "conf": "1" });
  await bench.session.flush();
  edit(bench.local, { "conf": null, "conf/x": "x" });
  await assertRejects(() => bench.session.flush(), AgentError, "is no file any more");
  assertEquals(contents(bench.remote), { "conf": "1" });
  edit(bench.local, { "conf": null });
  edit(bench.local, { "conf": "2" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "conf": "2" });
});

Deno.test("files and folders that take each other's places inside the root", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1", "d/e/f": "2", "keep": "k" });
  await bench.session.flush();
  edit(bench.local, { "a": null, "d": null });
  edit(bench.local, { "a/b/c": "3", "d": "4" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), contents(bench.local));
  edit(bench.remote, { "a": null, "d": null });
  edit(bench.remote, { "a": "5", "d/e": "6" });
  await bench.session.flush();
  assertEquals(contents(bench.local), contents(bench.remote));
  assertEquals(bench.session.info().conflicts, 0);
});

Deno.test("hard links become files of their own, and each change is one file's", async () => {
  await using bench = new SyncBench();
  edit(bench.local, { "a": "1" });
  Deno.linkSync(join(bench.local, "a"), join(bench.local, "b"));
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "a": "1", "b": "1" });
  edit(bench.remote, { "b": "2" });
  await bench.session.flush();
  assertEquals(contents(bench.local), { "a": "1", "b": "2" });
});

/** A remote host whose file system refuses names with a colon, as `tar` tells it. */
function refusingColons(bench: SyncBench): Shell {
  const bin = join(bench.base, "bin");
  const script = `#!/bin/sh
/usr/bin/env PATH="\${PATH#*:}" tar "$@"; code=$?
for word; do [ "$before" = -C ] && S=$word; before=$word; done
[ -n "$S" ] && cd "$S" && find t -depth -name '*:*' -printf 'tar: %p: Cannot open: Invalid argument\\n' |
  LC_ALL=C sed 's/\\xc3\\xbc/\\\\303\\\\274/' >"$S/said" && [ -s "$S/said" ] &&
  { cat "$S/said" >&2; echo 'tar: Exiting with failure status due to previous errors' >&2; exit 2; }
exit $code
`;
  Deno.mkdirSync(bin);
  Deno.writeTextFileSync(join(bin, "tar"), script, { mode: 0o755 });
  const shell = new LocalShell();
  return {
    run: () => shell.run(),
    spawn: (command, options) => shell.spawn(`PATH=${bin}:$PATH; export PATH; ${command}`, options),
  };
}

Deno.test("names that the remote host refuses are told once, and the rest goes on", async () => {
  await using bench = new SyncBench();
  bench.shell = refusingColons(bench);
  edit(bench.local, { "a": "1", "b:c": "2", "d/ü:e": "3", "d/f": "4", "g:h/i": "5" });
  await bench.session.flush();
  assertEquals(contents(bench.remote), { "a": "1", "d": "/", "d/f": "4" });
  const told = bench.session.info().problems;
  assertEquals(told.map(({ path }) => path).sort(), ["b:c", "d/ü:e", "g:h"]);
  assertMatch(told[0]?.reason ?? "", /the remote host refuses its name: Invalid argument/);
  edit(bench.local, { "a": "6", "b:c": null });
  await bench.session.flush();
  assertEquals(contents(bench.remote)["a"], "6");
  assertEquals(bench.session.info().problems.length, 2);
  assertEquals(contents(bench.local)["g:h/i"], "5");
});
