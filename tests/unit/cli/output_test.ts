/** What becomes of output that nobody can take, in a process of its own. */
import { cleanEnvironment } from "../../support/agent.ts";
import { assertEquals, assertMatch } from "../../support/assert.ts";
import { runCommand } from "../../support/child.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const PROGRAM = `${Deno.execPath()} run --quiet --no-check -A --config ${CONFIG} ${MAIN}`;

/** Runs a line of bash in which `rda` is the program. */
function bash(line: string) {
  const script = `rda() { ${PROGRAM} "$@"; }\n${line}`;
  return runCommand("bash", ["-c", script], { env: cleanEnvironment() });
}

const ignore = Deno.build.os !== "linux";

for (const command of ["version", "--help", "man", "config schema", "completions bash"]) {
  Deno.test({
    name: `${command}: a full disk is told in one line, and a reader that has left not at all`,
    ignore,
    async fn() {
      const full = await bash(`rda ${command} >/dev/full`);
      assertEquals(full.code, 9);
      assertMatch(
        full.stderr,
        /^remote-docker-agent: Cannot write to standard output: no space left on device; .*\n$/,
      );
      const left = await bash(`exec 4> >(:); wait $!; rda ${command} >&4`);
      assertEquals([left.code, left.stderr], [141, ""]);
      const closed = await bash(`rda ${command} >&- <&-`);
      assertEquals([closed.code, closed.stderr], [0, ""]);
    },
  });
}
