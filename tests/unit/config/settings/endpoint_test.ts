import { AgentError } from "../../../../lib/errors.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";
import { settingsFor } from "../../../support/command_line.ts";

Deno.test("the port follows from the certificates unless it is given", async () => {
  const portOf = async (...args: string[]) =>
    (await settingsFor(["--ts-server", "h", ...args])).tstunnel?.port;
  assertEquals(await portOf(), 80);
  assertEquals(await portOf("--ts-insecure"), 80);
  assertEquals(await portOf("--ts-cert", "c", "--ts-key", "k"), 443);
  assertEquals(await portOf("--ts-ca", "a"), 443);
  const named = await settingsFor(["--ts-server", "[::1]:8080"]);
  assertEquals([named.tstunnel?.host, named.tstunnel?.port], ["::1", 8080]);
});

Deno.test("a server behind a gateway has a name of its own", async () => {
  const settings = await settingsFor([
    ...["--ts-server", "gw:443", "--ts-sni", "gpu.example", "--ts-ca", "a"],
    ...["--ts-token-file", "t"],
  ]);
  assertEquals(settings.tstunnel?.serverName, "gpu.example");
  assertEquals(settings.tstunnel?.tokenFile, "/project/t");
});

Deno.test("a named server outdoes what a file says about other ways", async () => {
  const files = { "/project/c.yaml": "ssh_host: other\nmtls_endpoint: gw\n" };
  const settings = await settingsFor(["--config", "c.yaml", "--ts-server", "h"], { files });
  assertEquals(settings.transport, "tstunnel");
});

const MISTAKES: [string[], string][] = [
  [["--ts-server", "h", "--ts-cert", "c"], "Missing --ts-key, which --ts-cert needs"],
  [["--ts-server", "h", "--ts-key", "k"], "Missing --ts-cert, which --ts-key needs"],
  [["--transport", "tstunnel"], "Missing --ts-server, which the tstunnel transport needs"],
  [["--transport", "ssh", "--ssh-host", "h", "--ts-server", "g"], "with the ssh transport"],
  [["--ts-server", "h", "--mtls-endpoint", "g"], "with the tstunnel transport"],
  [["--ts-server", "me@h"], 'Invalid value "me@h" for --ts-server'],
  [["--ts-server", "http://h"], 'Invalid value "http://h" for --ts-server'],
];

for (const [args, message] of MISTAKES) {
  Deno.test(`"${args.join(" ")}" is refused`, async () => {
    await assertRejects(() => settingsFor(args), AgentError, message);
  });
}
