/** Command lines that somebody mixes up, which say so before anything is dialed. */
import { run } from "../../../lib/cli/run.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assertEquals, assertStringIncludes } from "../../support/assert.ts";
import { type Machine, testSystem } from "../../support/command_line.ts";

const URL = "tstunnel://localhost:1/srv?cert=c&key=k";
const TUNNEL_URL = "tstunnel://localhost:1/tcp:localhost:80";
const FILES = { "/project/off.yaml": "sync_mode: off\n" };

const LINES: readonly [args: string[], line: string][] = [
  [["sync", URL, "src"], "The local end comes first, and the URL after it; write sync LOCAL "],
  [
    ["tunnel", TUNNEL_URL, "8080"],
    "The local end comes first, and the URL after it; write tunnel ",
  ],
  [["sync", "src", URL, "--ts-server", "x"], "Cannot use --ts-server together with a URL; the URL"],
  [["sync", "src", URL, "--ts-ca=x"], "Cannot use --ts-ca together with a URL; the URL says"],
  [["sync", "src", URL, "--sync-mode=off"], "Cannot sync with --sync-mode: in mode off nothing"],
  [
    ["sync", "src", URL, "--config=off.yaml"],
    'Cannot sync with "sync_mode" (/project/off.yaml:1:12): in mode off nothing travels; give',
  ],
  [["host-exec", "--server-addr", "h", "--", ""], "The command after -- is empty; write the name"],
  [["guest", "--ssh-host", "x"], "; remote-docker-agent help guest shows what there is"],
  [["guest", "--zzz"], 'Unknown flag "--zzz"; remote-docker-agent help guest shows what there is'],
  [["--zzz"], 'Unknown flag "--zzz"; remote-docker-agent --help shows what there is'],
];

for (const [args, line] of LINES) {
  Deno.test(`${args.join(" ")}: is told what is mixed up`, async () => {
    const machine: Machine = { files: FILES };
    const system = testSystem(machine);
    const startAgent = () => Promise.reject(new AgentError("lost", "It would have started"));
    assertEquals(await run(args, { startAgent, system }), 2);
    assertStringIncludes(system.stderr(), line);
  });
}
