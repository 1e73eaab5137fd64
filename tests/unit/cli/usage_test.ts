import { renderUsage } from "../../../lib/cli/usage.ts";
import { COMMANDS } from "../../../lib/config/commands.ts";
import { OPTION_NAMES, SECRETS, specOf } from "../../../lib/config/schema.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("the help names every option, command and secret and fits 80 columns", () => {
  const main = renderUsage();
  for (const name of COMMANDS) assert(new RegExp(`^  ${name} `, "m").test(main), name);
  for (const { env } of SECRETS) assert(main.includes(env));
  for (const command of COMMANDS) {
    const text = renderUsage(command);
    for (const name of OPTION_NAMES.filter((it) => specOf(it).commands.includes(command))) {
      assert(new RegExp(`^  (-[a-z], )?--${name}( |$)`, "m").test(text), `${command}: ${name}`);
    }
    for (const line of text.split("\n")) {
      assert(line.length <= 80, line);
      assertEquals(line, line.trimEnd());
    }
    assert(text.endsWith("\n") && !text.endsWith("\n\n"));
  }
});

Deno.test("the help of who takes a tstunnel:// URL names all of its parameters", () => {
  const parameters = ["cert=", "key=", "ca=", "insecure=", "endpoint="];
  for (const command of ["tunnel", "sync"] as const) {
    const text = renderUsage(command);
    for (const name of parameters) assert(text.includes(name), `${command}: ${name}`);
    assert(text.includes("\nExamples:\n  remote-docker-agent "));
  }
});

Deno.test("the help of the default command is that of the program, the others have a short one", () => {
  assertEquals(renderUsage("start"), renderUsage());
  assertEquals(renderUsage("version").split("\n")[0], "Usage: remote-docker-agent version");
  assertEquals(renderUsage("help").split("\n")[0], "Usage: remote-docker-agent help [COMMAND]");
  assertEquals(
    ["context", "run"].map((name) =>
      renderUsage(COMMANDS.find((it) => it === name)).split("\n")[0]
    ),
    [
      "Usage: remote-docker-agent context add|rm|ls|use [NAME] [OPTIONS]",
      "Usage: remote-docker-agent run [NAME] [OPTIONS] -- COMMAND [ARGUMENT...]",
    ],
  );
});
