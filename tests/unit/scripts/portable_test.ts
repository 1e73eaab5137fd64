import { assemble } from "../../../scripts/portable.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../support/assert.ts";

const ignore = Deno.build.os === "windows";

/** Stands in for the runtime: prints what it is given, ends with the code in `$CODE`. */
const RUNTIME = `#!/bin/sh
for argument; do echo "$argument"; done
umask
exit \${CODE:-0}
`;

interface Result {
  code: number;
  lines: string[];
  stderr: string;
}

/** A portable file with its own cache directory. */
class Portable {
  readonly file: string;
  readonly home: string;
  readonly cache: string;
  readonly unpacked: string;

  constructor(directory: string) {
    this.file = `${directory}/portable file`;
    this.home = `${directory}/home dir`;
    const caches = Deno.build.os === "darwin" ? "Library/Caches" : ".cache";
    this.cache = `${this.home}/${caches}/remote-docker-agent`;
    this.unpacked = `${this.cache}/1.2.3-abc`;
  }

  async start(args: string[], env: Record<string, string> = {}): Promise<Result> {
    const { code, stdout, stderr } = await new Deno.Command(this.file, {
      args,
      clearEnv: true,
      env: { PATH: Deno.env.get("PATH") ?? "", HOME: this.home, ...env },
    }).output();
    const decoder = new TextDecoder();
    const lines = decoder.decode(stdout).trimEnd().split("\n");
    return { code, lines, stderr: decoder.decode(stderr) };
  }
}

function test(name: string, body: (portable: Portable) => Promise<void>): void {
  const fn = async () => {
    const directory = await Deno.makeTempDir({ prefix: "portable-test-" });
    try {
      await Deno.writeTextFile(`${directory}/main.js`, "// the program\n");
      await Deno.writeTextFile(`${directory}/remote-docker-agent`, RUNTIME, { mode: 0o755 });
      const portable = new Portable(directory);
      await assemble(portable.file, { version: "1.2.3", id: "1.2.3-abc", directory });
      await body(portable);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  };
  Deno.test({ name, ignore, fn });
}

function names(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map((entry) => entry.name).sort();
}

test("a portable file unpacks itself and runs the program with its arguments and exit code", async (portable) => {
  const { code, lines, stderr } = await portable.start(["start", "a b", "--x=*"], { CODE: "7" });
  assertEquals(stderr, "");
  assertEquals(code, 7);
  assertEquals(lines[0], "run");
  const program = lines.indexOf(`${portable.unpacked}/main.js`);
  assert(program > 0);
  assertEquals(lines.slice(program + 1, -1), ["start", "a b", "--x=*"]);
  assertMatch(lines.at(-1) ?? "", /^0*22$/);
  assertEquals(names(portable.unpacked), ["main.js", "remote-docker-agent"]);
  assertEquals(names(portable.cache), ["1.2.3-abc"]);
});

test("without a home directory it says so in one line, unless there is a cache", async (portable) => {
  const { code, stderr } = await portable.start([], { HOME: "" });
  assertEquals(code, 2);
  assertMatch(
    stderr,
    /^remote-docker-agent: There is no directory to unpack into; set .*HOME.*\n$/,
  );
  if (Deno.build.os === "darwin") return;
  const caches = portable.cache.slice(0, portable.cache.lastIndexOf("/"));
  assertEquals((await portable.start(["x"], { HOME: "", XDG_CACHE_HOME: caches })).code, 0);
});

test("a second start runs what is unpacked already", async (portable) => {
  await portable.start([]);
  await Deno.writeTextFile(`${portable.unpacked}/remote-docker-agent`, "#!/bin/sh\necho kept\n");
  assertEquals((await portable.start([])).lines, ["kept"]);
});

test("several first starts at once leave one whole directory", async (portable) => {
  const results = await Promise.all(Array.from({ length: 8 }, () => portable.start(["x"])));
  for (const { code, stderr } of results) assertEquals([code, stderr], [0, ""]);
  assertEquals(names(portable.cache), ["1.2.3-abc"]);
  assertEquals(names(portable.unpacked), ["main.js", "remote-docker-agent"]);
});

for (const missing of ["main.js", "remote-docker-agent"]) {
  test(`a cache that has lost "${missing}" is unpacked again`, async (portable) => {
    await portable.start([]);
    await Deno.remove(`${portable.unpacked}/${missing}`);
    const { code, stderr } = await portable.start([]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(names(portable.unpacked), ["main.js", "remote-docker-agent"]);
  });
}

test("a cache that cannot be written is told in one line, and nothing is left behind", async (portable) => {
  await Deno.mkdir(portable.home);
  await Deno.writeTextFile(`${portable.home}/file`, "");
  const { code, stderr } = await portable.start([], {
    HOME: `${portable.home}/file`,
    XDG_CACHE_HOME: `${portable.home}/file`,
  });
  assertEquals(code, 1);
  assertStringIncludes(stderr, "remote-docker-agent: Cannot unpack into");
  assertEquals(names(portable.home), ["file"]);
});

test("a truncated file is not run", async (portable) => {
  const bytes = await Deno.readFile(portable.file);
  await Deno.writeFile(portable.file, bytes.subarray(0, bytes.length - 100));
  const { code, stderr } = await portable.start([]);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot unpack");
  assertEquals(names(portable.cache), []);
});
