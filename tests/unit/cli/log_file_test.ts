import { LogFile } from "../../../lib/cli/log_file.ts";
import { logTo, noting } from "../../../lib/cli/logging.ts";
import { AgentError } from "../../../lib/errors.ts";
import { configureLogging, logger } from "../../../lib/log.ts";
import { assertEquals, assertMatch, assertRejects, assertThrows } from "../../support/assert.ts";
import { testSystem } from "../../support/command_line.ts";
import { folder } from "../../support/folders.ts";

const read = (path: string) => Deno.readTextFileSync(path);

Deno.test("a log file that is full becomes the one before, and no more is kept", async () => {
  await using place = await folder({});
  const path = `${place.path}/logs/rda.log`;
  const log = new LogFile(path, 20);
  for (const line of ["one", "two", "three", "four", "five", "six"]) log.write(line);
  assertEquals([read(`${path}.1`), read(path)], ["one\ntwo\nthree\nfour\n", "five\nsix\n"]);
  for (const line of ["seven", "eight"]) log.write(line);
  assertEquals([read(`${path}.1`), read(path)], ["five\nsix\nseven\n", "eight\n"]);
  assertEquals([...Deno.readDirSync(`${place.path}/logs`)].length, 2);
});

Deno.test("a log goes on where it was, also when others have begun it anew", async () => {
  await using place = await folder({ "rda.log": "before\n" });
  const path = `${place.path}/rda.log`;
  const log = new LogFile(path, 20);
  log.write("after");
  assertEquals(read(path), "before\nafter\n");
  Deno.removeSync(path);
  log.write("a line that is long");
  assertEquals(read(path), "a line that is long\n");
  assertEquals([...Deno.readDirSync(place.path)].length, 1);
});

Deno.test("a full log whose place cannot be taken begins anew", async () => {
  await using place = await folder({});
  const path = `${place.path}/rda.log`;
  Deno.mkdirSync(`${path}.1/held`, { recursive: true });
  const log = new LogFile(path, 10);
  for (const line of ["12345", "6789"]) log.write(line);
  assertEquals(read(path), "6789\n");
});

Deno.test("a log file that cannot be written is refused, with the reason", async () => {
  await using place = await folder({ file: "" });
  const message = "Cannot write the log file";
  assertThrows(() => new LogFile(place.path), AgentError, message);
  assertThrows(() => new LogFile(`${place.path}/file/rda.log`), AgentError, message);
});

Deno.test({
  name: "a pipe is no place for a log: nobody may ever read from it",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using place = await folder({});
    const path = `${place.path}/pipe`;
    assertEquals(new Deno.Command("mkfifo", { args: [path] }).outputSync().code, 0);
    assertThrows(() => new LogFile(path), AgentError, "it is a pipe");
  },
});

Deno.test("messages are in the file alone, and so is what has ended the program", async () => {
  await using place = await folder({});
  const path = `${place.path}/rda.log`;
  const system = {
    ...testSystem({ isTerminal: false }),
    openLog: (file: string) => new LogFile(file),
  };
  try {
    logTo(system, "info", undefined, path);
    logger("start").info("Listening");
    const fails = () => Promise.reject(new AgentError("lost", "Gone", { hint: "come back" }));
    await assertRejects(() => noting(path, fails), AgentError, "Gone");
    assertMatch(read(path), /^\S+ INFO {2}start: Listening\n\S+ ERROR cli: Gone; come back\n$/);
    assertEquals(system.stderr(), "");
    Deno.removeSync(place.path, { recursive: true });
    logger("start").info("Still here");
    assertMatch(system.stderr(), /Still here\n$/);
  } finally {
    configureLogging({ level: "error", format: "text" });
    Deno.mkdirSync(place.path, { recursive: true });
  }
});
