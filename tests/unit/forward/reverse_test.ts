import { AgentError } from "../../../lib/errors.ts";
import { parseReverse } from "../../../lib/forward/reverse.ts";
import { LISTENING, reverseCommand } from "../../../lib/forward/reverse_script.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { answerAfterEnd, LOOPBACK, readAll, server, writeText } from "./support.ts";
import { freePort } from "../../support/free_ports.ts";

Deno.test("a name for containers, and a port of this machine", () => {
  assertEquals(parseReverse("host.docker.internal:3000"), {
    name: "host.docker.internal",
    port: 3000,
  });
  assertEquals(parseReverse("me:1"), { name: "me", port: 1 });
  const bad = ["", "3000", ":3000", "host:", "host:0", "host:65536", "ho st:80", "-a:80", "a_b:80"];
  for (const text of bad) assertThrows(() => parseReverse(text), AgentError, "not NAME:PORT");
});

for (const interpreter of ["python3", "perl"]) {
  Deno.test({
    name: `the ${interpreter} program passes connections on, and ends with its input`,
    ignore: !has(interpreter),
    async fn() {
      await using backend = server(answerAfterEnd);
      const port = freePort();
      // The command takes the first interpreter it finds; a PATH with one of them decides.
      const tools = await Deno.makeTempDir();
      for (const name of ["sh", interpreter]) await Deno.symlink(where(name), `${tools}/${name}`);
      const child = new Deno.Command("sh", {
        args: ["-c", reverseCommand(LOOPBACK, port, backend.port)],
        env: { PATH: tools },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      try {
        const reader = child.stdout.getReader();
        const { value } = await reader.read();
        assertEquals(new TextDecoder().decode(value).trim(), LISTENING);
        const answers = await Promise.all(["one", "two", "three"].map(async (text) => {
          using client = await Deno.connect({ hostname: LOOPBACK, port });
          await writeText(client, text);
          await client.closeWrite();
          return await readAll(client);
        }));
        assertEquals(answers, ["got one", "got two", "got three"]);
        await reader.cancel();
      } finally {
        await child.stdin.close();
        await child.status;
        await Deno.remove(tools, { recursive: true });
      }
    },
  });
}

function has(program: string): boolean {
  return where(program) !== "";
}

/** The program itself, not a wrapper of a version manager, which would need more tools. */
function where(program: string): string {
  for (const directory of ["/usr/bin", "/bin", "/usr/local/bin"]) {
    try {
      return Deno.realPathSync(`${directory}/${program}`);
    } catch {
      // not in this directory
    }
  }
  return "";
}
