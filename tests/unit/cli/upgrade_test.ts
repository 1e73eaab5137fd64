import metadata from "../../../deno.json" with { type: "json" };
import { isNewer, runUpgrade } from "../../../lib/cli/commands/upgrade.ts";
import { AgentError, describeError } from "../../../lib/errors.ts";
import { assertEquals, assertMatch, assertRejects } from "../../support/assert.ts";
import { testSystem } from "../../support/command_line.ts";

Deno.test("versions are compared number by number, and a candidate is older than its release", () => {
  const cases: [string, string, boolean][] = [
    ["0.1.1", "0.1.0", true],
    ["0.10.0", "0.9.9", true],
    ["1.0.0", "0.99.99", true],
    ["0.1.0", "0.1.0", false],
    ["0.1.0", "0.1.1", false],
    ["1.0.0", "1.0.0-rc.1", true],
    ["1.0.0-rc.1", "1.0.0", false],
  ];
  for (const [version, own, newer] of cases) assertEquals(isNewer(version, own), newer, version);
});

async function check(version: string | undefined, url?: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "rda-upgrade-" });
  if (version !== undefined) await Deno.writeTextFile(`${folder}/VERSION`, version);
  const system = testSystem();
  try {
    await runUpgrade({ check: true, "release-url": url ?? `file://${folder}/` }, system);
    return system.stdout();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a newer version is announced, the same one is not", async () => {
  assertMatch(await check("99.0.0\n"), /^remote-docker-agent 99\.0\.0 is available in file:/);
  assertEquals(
    await check(metadata.version),
    `remote-docker-agent ${metadata.version} is the newest\n`,
  );
});

Deno.test("offline, a page and nonsense are said in one line", async () => {
  const said = async (version: string | undefined, url?: string) =>
    describeError(await assertRejects(() => check(version, url), AgentError));
  assertMatch(
    await said(undefined),
    /^Cannot check for a newer version than .*; check the network/,
  );
  assertMatch(await said("<html>"), /does not hold a version/);
  assertMatch(await said("9".repeat(100_000)), /does not hold a version/);
  assertMatch(await said("1.0.0", "https://127.0.0.1:9"), /Cannot check for a newer version/);
  assertMatch(await said("1.0.0", "http://127.0.0.1:9"), /give an https:\/\/ or file:\/\/ URL/);
});
