import { AgentError } from "../../../../lib/errors.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";
import { settingsFor } from "../../../support/command_line.ts";

const HOST = ["--ssh-host", "gpu"];

Deno.test("a proxy that other machines could use is refused before anything is connected", async () => {
  for (const option of ["--socks", "--http-proxy"]) {
    const open = [...HOST, option, "0.0.0.0:1080"];
    const refusal = `Refusing to listen on "0.0.0.0:1080" for ${option}`;
    const needs = "Cannot use --bridge-allow-remote without --bridge-users";
    const attempts: [string[], string][] = [
      [[], refusal],
      [["--bridge-users", "u"], refusal],
      [["--bridge-allow-remote"], needs],
    ];
    for (const [more, message] of attempts) {
      await assertRejects(() => settingsFor([...open, ...more]), AgentError, message);
    }
    const { bridge } = await settingsFor([
      ...[...open, "--bridge-allow-remote", "--bridge-users", "u"],
    ]);
    assertEquals([...bridge?.socks ?? [], ...bridge?.httpProxy ?? []], [
      { host: "0.0.0.0", port: 1080 },
    ]);
  }
});

Deno.test("a proxy listens on loopback whatever the resolver calls so", async () => {
  const { bridge } = await settingsFor([...HOST, "--socks", "localhost:1080"]);
  assertEquals(bridge?.socks, [{ host: "127.0.0.1", port: 1080 }]);
  await assertRejects(
    () => settingsFor([...HOST, "--socks", "unix:///tmp/s"]),
    AgentError,
    "not a TCP address",
  );
});
