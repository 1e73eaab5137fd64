import { join } from "node:path";
import { logger } from "../../../lib/log.ts";
import { writeAtomically } from "../../../lib/system/atomic_file.ts";
import type { Agreed } from "../../../lib/sync/core/entry.ts";
import { AgreedIndex, readSession, writeSession } from "../../../lib/sync/state.ts";
import { describeError } from "../../../lib/errors.ts";
import { assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";

const log = logger("test");
const agreed = (content: string): Agreed => ({
  entry: { kind: "file", mode: 0o644, size: 1, content },
  localStamp: "l",
  remoteStamp: "r",
});

async function inFolder(body: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("the index is what was last saved, last word first", () =>
  inFolder((folder) => {
    const index = new AgreedIndex(folder, log);
    index.set("a", agreed("1"));
    index.set('b\n"', agreed("1"));
    index.save();
    index.set("a", agreed("2"));
    index.set('b\n"', undefined);
    index.save();
    index.set("lost", agreed("3"));
    assertEquals([...new AgreedIndex(folder, log).entries], [["a", agreed("2")]]);
  }));

Deno.test("an index cut off at any byte keeps every whole line, and goes on from there", () =>
  inFolder((folder) => {
    const index = new AgreedIndex(folder, log);
    for (const name of ["a", "b", "c"]) index.set(name, agreed("1"));
    index.save();
    const path = join(folder, "agreed.ndjson");
    const whole = Deno.readFileSync(path);
    for (let length = 0; length < whole.length; length++) {
      Deno.writeFileSync(path, whole.slice(0, length));
      const lines = new TextDecoder().decode(whole.slice(0, length)).split("\n").length - 1;
      const cut = new AgreedIndex(folder, log);
      assertEquals(cut.entries.size, lines);
      cut.set("d", agreed("2"));
      cut.save();
      assertEquals(new AgreedIndex(folder, log).entries.size, lines + 1, `cut at ${length}`);
    }
  }));

Deno.test("many changes of few paths do not let the file grow without end", () =>
  inFolder((folder) => {
    const index = new AgreedIndex(folder, log);
    for (let i = 0; i < 5_000; i++) {
      index.set("a", agreed(String(i)));
      if (i % 100 === 0) index.save();
    }
    index.save();
    assertEquals(Deno.statSync(join(folder, "agreed.ndjson")).size < 150_000, true);
    assertEquals(new AgreedIndex(folder, log).entries.get("a")?.entry.content, "4999");
  }));

Deno.test("a file is replaced as a whole and leaves nothing beside it", () =>
  inFolder((folder) => {
    const path = join(folder, "session.json");
    writeAtomically(path, "{");
    assertEquals(readSession(folder), undefined);
    writeAtomically(path, "{}");
    assertEquals(readSession(folder), undefined);
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), ["session.json"]);
  }));

Deno.test("state that cannot be written is told of with its place and what to do", () =>
  inFolder((folder) => {
    Deno.writeTextFileSync(join(folder, "sync"), "a file in the way");
    const record = {
      id: "0123456789abcdef",
      root: "/src",
      mode: "two-way-safe",
      ignore: [],
      remotePath: "/copy",
      staging: "/staging",
      remote: "ssh://gpu",
      containers: {},
    } as const;
    const error = assertThrows(() => writeSession(join(folder, "sync", record.id), record));
    assertMatch(
      describeError(error),
      /^Cannot keep state in ".*": .*; make room .*XDG_STATE_HOME$/,
    );
  }));
