import { PortFiles } from "../../../lib/forward/port_files.ts";
import { PortMemory } from "../../../lib/forward/port_memory.ts";
import { logger } from "../../../lib/log.ts";
import { assertEquals } from "../../support/assert.ts";
import { binding, testManager } from "./support.ts";

const id = (digit: string) => digit.repeat(64);
const OPEN = binding();

Deno.test("an agent that starts anew gives a container the ports it had, where they are free", async () => {
  const portsFolder = await Deno.makeTempDir();
  try {
    const web = { id: id("a"), name: "web" };
    const bindings = [binding(), binding({ containerPort: 81 }), binding({ hostPort: "0" })];
    // Killed: nothing is released, but the ports are free.
    const first = testManager({ portsFolder });
    const before = await first.reserve(web, bindings);
    await first.close();
    {
      await using again = testManager({ portsFolder });
      assertEquals(await again.reserve(web, bindings), before);
    }
    const [taken] = before;
    using _holder = Deno.listen({ hostname: "127.0.0.1", port: taken?.local.port ?? 0 });
    await using third = testManager({ portsFolder });
    const after = await third.reserve(web, bindings);
    assertEquals(after[0]?.local.port === taken?.local.port, false);
    assertEquals(after.slice(1), before.slice(1));
    await third.forget(web.id);
    assertEquals([...Deno.readDirSync(portsFolder)], []);
  } finally {
    await Deno.remove(portsFolder, { recursive: true });
  }
});

Deno.test("a file that says nothing is as good as none, and names are ids alone", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const memory = () => new PortMemory(new PortFiles(folder, logger("test")));
    memory().note(id("a"), 0, OPEN, 4000);
    assertEquals(memory().recall(id("a"), 0, OPEN), 4000);
    assertEquals(memory().recall(id("a"), 1, OPEN), undefined);
    for (const text of ["", "{", "[]", "null", '{"0 80/tcp 127.0.0.1 ":70000}']) {
      await Deno.writeTextFile(`${folder}/${id("a")}`, text);
      assertEquals(memory().recall(id("a"), 0, OPEN), undefined, text);
    }
    memory().note("plain 0:db:5432", 0, OPEN, 4001);
    memory().note("../escape", 0, OPEN, 4002);
    memory().forget("../escape");
    assertEquals([...Deno.readDirSync(folder)].map(({ name }) => name), [id("a")]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a directory that cannot be written to costs one line, and no port", async () => {
  const file = await Deno.makeTempFile();
  try {
    const warnings: string[] = [];
    const log = logger("test");
    const noting = Object.assign(Object.create(log), {
      warn: (message: string) => void warnings.push(message),
    });
    const memory = new PortMemory(new PortFiles(`${file}/ports`, noting));
    for (const port of [4000, 4001]) memory.note(id("b"), 0, OPEN, port);
    assertEquals(memory.recall(id("b"), 0, OPEN), 4001);
    assertEquals(warnings.length, 1);
  } finally {
    await Deno.remove(file);
  }
});

Deno.test("of too many files the oldest go", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const name = (at: number) => at.toString(16).padStart(64, "0");
    for (let at = 0; at < 1024; at++) {
      await Deno.writeTextFile(`${folder}/${name(at)}`, "{}");
      await Deno.utime(`${folder}/${name(at)}`, at, at);
    }
    new PortMemory(new PortFiles(folder, logger("test"))).note(id("f"), 0, OPEN, 4000);
    const left = [...Deno.readDirSync(folder)].map((each) => each.name).sort();
    assertEquals(left.length, 1024 - 128 + 1);
    assertEquals([left[0], left.at(-1)], [name(128), id("f")]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
