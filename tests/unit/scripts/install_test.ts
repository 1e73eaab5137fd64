/** The install script, with a stand-in for the program: a script that prints a version. */
import { assertEquals, assertMatch } from "../../support/assert.ts";
import { runCommand } from "../../support/child.ts";

const SCRIPT = new URL("../../../scripts/install.sh", import.meta.url).pathname;
const ignore = Deno.build.os === "windows";

interface Release {
  readonly from: string;
  readonly to: string;
  readonly file: string;
}

async function withRelease(program: string, use: (release: Release) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "rda-install-" });
  const [from, to] = [`${folder}/a release`, `${folder}/bin dir`];
  const file = `remote-docker-agent-${Deno.build.target}`;
  await Deno.mkdir(from);
  await Deno.writeTextFile(`${from}/${file}`, program);
  const sums = await runCommand("sha256sum", [file], { cwd: from });
  await Deno.writeTextFile(`${from}/SHA256SUMS`, sums.stdout);
  try {
    await use({ from, to, file });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const install = ({ from, to }: Release) => runCommand("sh", [SCRIPT, "--from", from, `--to=${to}`]);

const names = (folder: string) => Array.from(Deno.readDirSync(folder), ({ name }) => name);

const GOOD = "#!/bin/sh\necho remote-docker-agent 1.2.3\n";

Deno.test({
  name: "a release is installed in place of an earlier one, executable",
  ignore,
  fn: () =>
    withRelease(GOOD, async (release) => {
      await Deno.mkdir(release.to);
      await Deno.writeTextFile(`${release.to}/remote-docker-agent`, "an earlier one");
      const { code, stdout } = await install(release);
      assertEquals(code, 0);
      assertMatch(stdout, /^remote-docker-agent 1\.2\.3 is installed as .*is not in PATH/s);
      assertEquals(names(release.to), ["remote-docker-agent"]);
      const info = await Deno.stat(`${release.to}/remote-docker-agent`);
      assertEquals((info.mode ?? 0) & 0o777, 0o755);
    }),
});

Deno.test({
  name: "what is not sound leaves the earlier one in place, with one line",
  ignore,
  fn: async () => {
    const spoil = async (program: string, damage: (release: Release) => Promise<void>) => {
      let said = "";
      await withRelease(program, async (release) => {
        await Deno.mkdir(release.to);
        await Deno.writeTextFile(`${release.to}/remote-docker-agent`, "an earlier one");
        await damage(release);
        const { code, stderr } = await install(release);
        assertEquals(code, 1);
        assertEquals(names(release.to), ["remote-docker-agent"]);
        const kept = await Deno.readTextFile(`${release.to}/remote-docker-agent`);
        assertEquals(kept, "an earlier one");
        said = stderr.trim();
      });
      return said;
    };
    const nothing = () => Promise.resolve();
    assertMatch(
      await spoil(GOOD, ({ from, file }) => Deno.writeTextFile(`${from}/${file}`, "changed")),
      /^install\.sh: ".*" does not have the checksum of SHA256SUMS; get it again$/,
    );
    assertMatch(
      await spoil(GOOD, ({ from }) => Deno.writeTextFile(`${from}/SHA256SUMS`, "")),
      /^install\.sh: There is no file for \S+ in ".*"$/,
    );
    assertMatch(await spoil("#!/bin/sh\nexit 1\n", nothing), /does not start on this machine$/);
  },
});

Deno.test({
  name: "only folders and https are taken from",
  ignore,
  fn: async () => {
    const to = await Deno.makeTempDir({ prefix: "rda-install-" });
    const from = "http://127.0.0.1:9";
    const { code, stderr } = await runCommand("sh", [SCRIPT, "--from", from, "--to", to]);
    assertEquals(code, 1);
    assertMatch(stderr, /give a folder or an https:\/\/ URL with --from/);
    assertEquals(names(to), []);
    await Deno.remove(to);
  },
});
