import { checkImports, findCycles, ROOMS } from "../../../scripts/check_imports.ts";
import { assertEquals, assertStringIncludes } from "../../support/assert.ts";

async function check(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir({ prefix: "imports-" });
  try {
    const all = {
      "deno.json": '{ "imports": { "left-pad": "npm:left-pad@1.3.0" } }',
      "main.ts": "export {};\n",
      "lib/errors.ts": "export const e = 1;\n",
      ...files,
    };
    for (const [name, text] of Object.entries(all)) {
      const path = `${root}/${name}`;
      await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(path, text);
    }
    const violations = await checkImports(root);
    return violations.map(({ file, line, problem }) => `${file}:${line}: ${problem}`);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

Deno.test("imports that point upwards, within a room and to node: modules pass", async () => {
  assertEquals(
    await check({
      "main.ts": 'import "./lib/cli/run.ts";\n',
      "lib/log.ts": 'import "./errors.ts";\n',
      "lib/net/pipe.ts": 'import "node:net";\nimport "../log.ts";\nexport const p = 1;\n',
      "lib/net/memory.ts": 'import "./pipe.ts";\n',
      "lib/app/agent.ts": 'import type { p } from "../net/pipe.ts";\nexport const a = 1;\n',
      "lib/cli/run.ts": 'import "../app/agent.ts";\nimport "../errors.ts";\n',
      "lib/cli/version.ts": 'import "../../deno.json" with { type: "json" };\n',
    }),
    [],
  );
});

Deno.test("an import that points downwards is named with its file and line, also for types", async () => {
  assertEquals(
    await check({
      "lib/http/head.ts": 'export type Head = string;\nexport const h = "";\n',
      "lib/net/pipe.ts": '\nimport type { Head } from "../http/head.ts";\nexport type P = Head;\n',
      "lib/net/lazy.ts": 'export const x = () =>\n  import("../http/head.ts");\n',
    }),
    [
      'lib/net/lazy.ts:2: room "net" must not import from room "http" ("lib/http/head.ts")',
      'lib/net/pipe.ts:2: room "net" must not import from room "http" ("lib/http/head.ts")',
    ],
  );
});

Deno.test("rooms of one row do not see each other", async () => {
  assertEquals(
    await check({
      "lib/guest/a.ts": 'import "../bridge/b.ts";\n',
      "lib/bridge/b.ts": "export {};\n",
    }),
    ['lib/guest/a.ts:1: room "guest" must not import from room "bridge" ("lib/bridge/b.ts")'],
  );
});

Deno.test("a circle of files is found once, also within one room and through types", async () => {
  assertEquals(
    await check({
      "lib/net/a.ts": 'import "./b.ts";\n',
      "lib/net/b.ts": '\n\nimport "./c.ts";\n',
      "lib/net/c.ts": 'import type {} from "./a.ts";\n',
    }),
    [
      "lib/net/c.ts:1: files import each other in a circle: " +
      "lib/net/a.ts → lib/net/b.ts → lib/net/c.ts → lib/net/a.ts",
    ],
  );
});

Deno.test("lib imports neither tests nor scripts, and has no files outside of its rooms", async () => {
  assertEquals(
    await check({
      "lib/net/a.ts": 'import "../../tests/support/fake.ts";\nimport "../../scripts/s.ts";\n',
      "lib/other/b.ts": 'import "../errors.ts";\n',
      "tests/support/fake.ts": "export {};\n",
      "scripts/s.ts": "export {};\n",
    }),
    [
      'lib/net/a.ts:1: "tests/support/fake.ts" must not be imported from lib',
      'lib/net/a.ts:2: "scripts/s.ts" must not be imported from lib',
      'lib/other/b.ts:1: "lib/other/b.ts" is in no room of the architecture',
    ],
  );
});

Deno.test("packages come from the import map, and what cannot be resolved is told", async () => {
  const found = await check({
    "lib/net/a.ts": 'import "data:text/javascript,export{}";\n',
    "lib/net/b.ts": 'import "right-pad";\n',
    "lib/net/c.ts": 'import "./nope.ts";\n',
  });
  assertEquals(found.length, 3);
  assertEquals(
    found[0],
    'lib/net/a.ts:1: "data:text/javascript,export{}" is neither in the import map nor a node: module',
  );
  assertStringIncludes(found[1] ?? "", 'lib/net/b.ts:1: Import "right-pad" not a dependency');
  assertStringIncludes(found[2] ?? "", "lib/net/c.ts:1: Module not found");
});

Deno.test("two circles through one file are both found", () => {
  const item = (from: string, to: string) => ({ from, to, line: 1, specifier: to });
  const cycles = findCycles([item("a", "b"), item("b", "a"), item("b", "c"), item("c", "b")]);
  assertEquals(cycles.map(({ problem }) => problem.split(": ")[1]), ["a → b → a", "b → c → b"]);
});

Deno.test("no room is listed twice", () => {
  assertEquals(new Set(ROOMS.flat()).size, ROOMS.flat().length);
});
