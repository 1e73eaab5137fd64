/** The completion scripts in real shells, and the manual page in a real `man`. */
import { renderCompletion } from "../../lib/cli/completion/completion.ts";
import { renderManual } from "../../lib/cli/manual.ts";
import { assertEquals } from "../support/assert.ts";
import { runCommand, runOk } from "../support/child.ts";
import { endToEnd } from "../support/e2e.ts";
import { Pty } from "../support/pty.ts";

const PROGRAM = "remote-docker-agent";
const test = await endToEnd();

/** What stands on the line, and what may follow; the last word is the one to complete. */
const LINES: readonly (readonly [readonly string[], readonly string[]])[] = [
  [["st"], ["start", "status"]],
  [["--log-format", ""], ["json", "text"]],
  [["syncs", ""], ["flush", "pause", "resume"]],
  [["syncs", "--j"], ["--json"]],
  [["--ssh-ho"], ["--ssh-host"]],
  [["completions", "f"], ["fish"]],
  [["help", "comp"], ["completions"]],
];

async function withScript(shell: string, use: (path: string) => Promise<void>): Promise<void> {
  const path = await Deno.makeTempFile({ prefix: "rda-completion-" });
  try {
    await Deno.writeTextFile(path, renderCompletion(shell, PROGRAM) ?? "");
    await use(path);
  } finally {
    await Deno.remove(path);
  }
}

test.bare(
  "bash completes commands, words, flags and values",
  {},
  () =>
    withScript("bash", async (path) => {
      const ask = 'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _remote_docker_agent; ' +
        'printf "%s\\n" "${COMPREPLY[@]}"';
      const complete = async (words: readonly string[]) => {
        const out = await runOk("bash", ["-c", `. "$0"; ${ask}`, path, PROGRAM, ...words]);
        return out.trim().split("\n").sort();
      };
      for (const [words, expected] of LINES) assertEquals(await complete(words), [...expected]);
      // bash itself takes --flag=value apart.
      assertEquals(await complete(["--log-format", "=", "j"]), ["json"]);
    }),
);

test.bare("fish completes commands, words, flags and values", {}, async (rig) => {
  if ((await runCommand("which", ["fish"])).code !== 0) await rig.verb("pkg", "fish");
  await withScript("fish", async (path) => {
    for (const [words, expected] of LINES) {
      const line = [PROGRAM, ...words].join(" ");
      const out = await runOk("fish", [
        "-c",
        'source $argv[1]; complete -C "$argv[2]"',
        path,
        line,
      ]);
      const found = out.trim().split("\n").map((each) => each.split("\t")[0]);
      assertEquals(found.sort(), [...expected]);
    }
  });
});

test.bare("zsh completes commands, words, flags and values on a terminal", {}, async (rig) => {
  if ((await runCommand("which", ["zsh"])).code !== 0) await rig.verb("pkg", "zsh");
  await withScript("zsh", async (path) => {
    const folder = await Deno.makeTempDir({ prefix: "rda-zsh-" });
    const lines = ["PROMPT='> '", "autoload -U compinit; compinit -u -D", `source '${path}'`];
    await Deno.writeTextFile(`${folder}/.zshrc`, lines.join("\n"));
    await using terminal = await Pty.open(["env", `ZDOTDIR=${folder}`, "zsh", "-i"]);
    await terminal.waitFor(/> /);
    await terminal.type(`${PROGRAM} sync\t`);
    await terminal.waitFor(/syncs? +-- /);
    await terminal.type(`\x15${PROGRAM} completions fi\t`);
    await terminal.waitFor(/completions fish/);
    await terminal.type(`\x15${PROGRAM} status --wat\t`);
    await terminal.waitFor(/status --watch/);
    await terminal.type(`\x15${PROGRAM} --log-format=js\t`);
    await terminal.waitFor(/--log-format=json/);
    await terminal.stop();
    await Deno.remove(folder, { recursive: true });
  });
});

test.bare("the manual page has no mistake that man would complain of", {}, async (rig) => {
  if ((await runCommand("which", ["groff"])).code !== 0) await rig.verb("pkg", "groff-base");
  const page = await Deno.makeTempFile({ prefix: "rda-man-", suffix: ".1" });
  await Deno.writeTextFile(page, renderManual(PROGRAM, "1.2.3"));
  const { stdout, stderr } = await runCommand("groff", ["-man", "-ww", "-Tascii", "-P-cbou", page]);
  await Deno.remove(page);
  assertEquals(stderr, "");
  assertEquals(stdout.includes("--ssh-host"), true);
});
