/** A long first sync shows how far it is: as a bar on a terminal, as lines elsewhere. */
import { cleanEnvironment, flagList, rigFlags } from "../support/agent.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { folder, stateVars } from "../support/folders.ts";
import { until } from "../support/poll.ts";
import { programCommand } from "../support/program.ts";
import { Pty } from "../support/pty.ts";
import type { Rig } from "../support/rig.ts";
import { SyncRig } from "../support/sync_rig.ts";

const test = await endToEnd();
const vars = await stateVars();
const SLOW = ["rate", "6mbit"] as const;

/** What no layer can shorten: 100 files, 5 MB. */
function fill(path: string): void {
  for (let i = 0; i < 100; i++) {
    Deno.writeFileSync(`${path}/f${i}`, crypto.getRandomValues(new Uint8Array(50_000)));
  }
}

async function whileSlow(rig: Rig, work: () => Promise<void>): Promise<void> {
  await rig.verb("shape", ...SLOW);
  try {
    await work();
  } finally {
    await rig.verb("unshape");
  }
}

/** The text of a terminal without its control sequences. */
function plain(screen: string): string {
  // deno-lint-ignore no-control-regex
  return screen.replaceAll(/\x1b(\[[0-9;?]*[A-Za-z]|[78])/g, "");
}

test.bare(
  "a bar on the agent's terminal, which is gone at the end",
  { agentOnly: true },
  async (rig) => {
    await using src = await folder();
    fill(src.path);
    const socket = `${src.path}.sock`;
    const { "log-level": _debug, ...flags } = rigFlags(rig);
    const command = [
      ...programCommand(),
      "start",
      ...flagList(flags),
      "--listen",
      `unix://${socket}`,
    ];
    const env = { ...cleanEnvironment(), ...vars, TERM: "xterm" };
    await using terminal = await Pty.open(command, { env });
    await terminal.waitFor(/Listening/);
    await using docker = await DockerCli.open(defaultCli(), `unix://${socket}`);
    await whileSlow(rig, async () => {
      await docker.ok(["run", "--rm", "-v", `${src.path}:/app`, "bb", "true"], {
        timeoutMs: 300_000,
      });
    });
    await until("the cursor is back", () => terminal.screenSoFar.includes("\x1b[?25h"));
    const shown = plain(terminal.screenSoFar);
    assertMatch(
      shown,
      /Syncing rda-src-\S+ .*\d+% {2}\d+\/100 files {2}\d\.\d\/5\.0 MB {2}\d\.\d MB\/s {2}\S+ left/,
    );
    const percents = [...shown.matchAll(/ (\d+)%/g)].map(([, text]) => Number(text));
    // How often it is drawn anew depends on how much the link takes at once.
    assert(percents.length > 0, shown);
    assertEquals(percents, percents.toSorted((a, b) => a - b));
  },
);

test.bare(
  "a bar for sync as well; lines where there is no terminal",
  { agentOnly: true },
  async (rig) => {
    await using bench = new SyncRig(rig);
    fill(bench.local);
    const env = { ...cleanEnvironment(), ...bench.vars, TERM: "xterm" };
    await whileSlow(rig, async () => {
      await using terminal = await Pty.open([
        ...programCommand(),
        ...bench.args({ "log-level": "info" }),
      ], { env });
      assertEquals(await terminal.wait(), 0, terminal.screen);
      assertMatch(
        plain(terminal.screen),
        /Syncing local .*\d+% {2}\d+\/100 files {2}\d\.\d\/5\.0 MB/,
      );
      assertMatch(plain(terminal.screen), /Synced 100 entries, 5\.0 MB/);
      fill(bench.local);
      await using child = bench.spawn();
      assertEquals(await child.wait(), 0, child.output);
      assertMatch(child.stderr, /Syncing local: \d+ of 100 files, \d\.\d of 5\.0 MB/);
    });
  },
);
