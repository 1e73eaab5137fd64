/** Every option of every command that only parses here, with values that nobody means. */
import { run } from "../../../lib/cli/run.ts";
import type { CommandName } from "../../../lib/config/commands.ts";
import { OPTION_NAMES, specOf, takes } from "../../../lib/config/schema.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { testSystem } from "../../support/command_line.ts";

const STARTED = "It would have started";
const started = () => Promise.reject(new AgentError("lost", STARTED));
/** A message with all that it quotes. */
const MAX_LINE = 400;

const TEXTS: readonly string[] = [
  ...["", " ", "\t", "a\0b", "a\nb", "\u001b[2J", "\ud800", "\u202egpu"],
  ...["x".repeat(5000), "x".repeat(4000), "-1", "--", "=", "*", "%s", "${HOME}", " x ", "x "],
  ...["1e9", "0x10", "1.5", "99999999999999999999", "NaN", "∞", "10000000h", "5GB5"],
  ...["fe80::1%eth0", "[fe80::1%eth0]:1", "[fe80::1%eth0]:80:x:80", "a:b:c:d", ":0", "[]:1"],
  ...["~", "~other/x", "/", ".", "..", "http://", "://", "unix://", "tcp://", "tcp://a:0"],
];

/** These take any text, or any name of a file, which is looked at later. */
const FREE = new Set(["string", "path"]);

async function tell(args: readonly string[], env: Record<string, string> = {}) {
  const system = testSystem({ env });
  const code = await run(args, { system, startAgent: started, runRelay: started });
  return { code, line: system.stderr() };
}

function assertOneLine({ code, line }: { code: number; line: string }, names: string): void {
  const shown = JSON.stringify(line);
  assertEquals(code, 2, shown);
  assert(/^remote-docker-agent: [^\n]+\n$/.test(line) && line.length < MAX_LINE, shown);
  assert(line.includes(names) && !/Internal error| at .*:\d+:\d+/.test(line), shown);
  // deno-lint-ignore no-control-regex
  assert(!/[\u0000-\u0009\u000b-\u001f\u007f]/.test(line), shown);
}

for (const command of ["start", "relay-server", "relay", "keygen"] as CommandName[]) {
  Deno.test(`${command}: a value that cannot be used is told in one line that names the flag`, async () => {
    const base = command === "start" ? ["--ssh-host=gpu"] : [];
    for (const name of OPTION_NAMES.filter((each) => takes(command, each))) {
      const own = name === "ssh-host" ? [] : base;
      for (const text of TEXTS) {
        const told = await tell([command, ...own, `--${name}=${text}`]);
        const isTaken = told.line.includes(STARTED);
        if (!isTaken) assertOneLine(told, `--${name}`);
        const isNothing = text.trim() === "" || text.length > 4096 || text.includes("\0");
        assert(!isTaken || !isNothing, `--${name}=${JSON.stringify(text)} is taken`);
        const { type } = specOf(name);
        if (!FREE.has(type) && text === "%s" && type !== "host") assert(!isTaken, `--${name}=%s`);
      }
    }
  });
}

Deno.test("the same values in the environment are told with the variable", async () => {
  for (const name of OPTION_NAMES.filter((each) => takes("start", each))) {
    const variable = `RDA_${name.replaceAll("-", "_").toUpperCase()}`;
    for (const text of TEXTS.filter((each) => each !== "" && !each.includes("\0"))) {
      const env = { RDA_SSH_HOST: "gpu", [variable]: text };
      const told = await tell(["start"], env);
      if (!told.line.includes(STARTED)) assertOneLine(told, variable);
    }
  }
});
