import { AgentError } from "../../../lib/errors.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { settingsFor } from "../../support/command_line.ts";

const SSH = ["--ssh-host", "gpu"];
const MTLS = [
  ...["--transport", "mtls", "--mtls-endpoint", "g", "--mtls-cert", "c", "--mtls-key", "k"],
];

/** What is typed, which flag is told to be of no use, and beside which. */
const IDLE: readonly (readonly [readonly string[], string, string])[] = [
  [[...MTLS, "--ssh-host", "h"], "--ssh-host", "the mtls transport, chosen by --transport"],
  [[...MTLS, "--ssh-user", "u"], "--ssh-user", "the mtls transport, chosen by --transport"],
  [[...MTLS, "--ssh-key", "k"], "--ssh-key", "the mtls transport, chosen by --transport"],
  [[...MTLS, "--ssh-known-hosts", "k"], "--ssh-known-hosts", "the mtls transport"],
  [[...MTLS, "--ssh-config", "none"], "--ssh-config", "the mtls transport"],
  [[...MTLS, "--ts-insecure"], "--ts-insecure", "the mtls transport"],
  [["--ts-server", "g", "--ssh-host", "h"], "--ssh-host", "chosen by --ts-server"],
  [[...SSH, "--mtls-sni", "n"], "--mtls-sni", "the ssh transport"],
  [[...SSH, "--ts-insecure"], "--ts-insecure", "the ssh transport"],
  [[...SSH, "--mode", "raw", "--publish-mode", "same"], "--publish-mode", "--mode"],
  [[...SSH, "--mode", "raw", "--binds", "/x=remote"], "--binds", "--mode"],
  [[...SSH, "--mode", "raw", "--sync-mode", "two-way-safe"], "--sync-mode", "--mode"],
  [[...SSH, "--publish-mode", "off", "--publish-address", "::1"], "--publish-address", "-mode"],
  [[...SSH, "--publish-mode", "off", "--forward-foreign"], "--forward-foreign", "--publish-mode"],
  [[...SSH, "--sync-mode", "off", "--sync-ignore", "x"], "--sync-ignore", "--sync-mode"],
  [[...SSH, "--bridge", "*=through"], "--bridge", "without --socks or --http-proxy"],
  [[...SSH, "--bridge-users", "f"], "--bridge-users", "without --socks or --http-proxy"],
];

for (const [args, flag, beside] of IDLE) {
  Deno.test(`"${args.join(" ")}" is refused: ${flag} could have no effect`, async () => {
    const error = await assertRejects(
      () => settingsFor(args),
      AgentError,
      `Cannot use ${flag} with`,
    );
    assert(error instanceof AgentError);
    assertEquals([error.kind, error.message.includes(beside)], ["usage", true], error.message);
  });
}

Deno.test("what is as good as nothing may be said", async () => {
  for (
    const args of [
      ["--mode", "raw", "--publish-mode", "off", "--sync-mode", "off", "--no-sync-gitignore"],
      ["--no-ts-insecure", "--no-bridge-allow-remote"],
    ]
  ) await settingsFor([...SSH, ...args]);
});

Deno.test("a variable or a file may say more than one command uses", async () => {
  const files = { "/project/c.yaml": "ssh_host: gpu\nssh_user: dev\npublish_address: 127.0.0.2\n" };
  const settings = await settingsFor([...MTLS, "--publish-mode", "off", "--config", "c.yaml"], {
    files,
    env: { RDA_SSH_KEY: "k", RDA_BRIDGE: "*=through" },
  });
  assertEquals([settings.transport, settings.ports.address], ["mtls", "127.0.0.2"]);
});

Deno.test("a flag that leads elsewhere than the file's transport says how to get there", async () => {
  const files = {
    "/project/c.yaml": "transport: mtls\nmtls_endpoint: g\nmtls_cert: c\nmtls_key: k\n",
  };
  const error = await assertRejects(
    () => settingsFor(["--config", "c.yaml", "--ssh-host", "gpu"], { files }),
    AgentError,
    'Cannot use --ssh-host with the mtls transport, chosen by "transport" (/project/c.yaml:1:12)',
  );
  assert(error instanceof AgentError);
  assertEquals(error.hint, "add --transport ssh");
});

Deno.test("of several hosts one may use a flag that is nothing to another, but one has to", async () => {
  const gateway = "{name: far, mtls_endpoint: g, mtls_cert: c, mtls_key: k}";
  const files = {
    "/project/both.yaml": `hosts:\n  - {name: near, ssh_host: gpu}\n  - ${gateway}\n`,
    "/project/far.yaml": `hosts:\n  - ${gateway}\n`,
  };
  const load = (file: string) => settingsFor(["--config", file, "--ssh-user", "u"], { files });
  // Which of the two is not said, so that this is as far as it gets.
  await assertRejects(
    () => load("both.yaml"),
    AgentError,
    "Cannot tell which remote host is meant",
  );
  await assertRejects(
    () => load("far.yaml"),
    AgentError,
    "Cannot use --ssh-user: no host of the file",
  );
});
