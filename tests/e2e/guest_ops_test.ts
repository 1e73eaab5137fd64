/** A guest tells how it is, if it is asked to. */
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { flagList } from "../support/agent.ts";
import { hostExec, startLocalGuest } from "../support/local_guest.ts";
import { ask, askJson, opsPort } from "../support/ops.ts";
import { until } from "../support/poll.ts";

Deno.test("what a guest does is counted, and health and readiness are told", async () => {
  const { flags, url } = opsPort();
  await using guest = await startLocalGuest(flagList(flags));
  for (const path of ["health", "ready"]) assertEquals((await ask(`${url}/${path}`)).status, 200);
  const address = `http://127.0.0.1:${guest.port}`;
  const ran = await hostExec([
    "--server-addr",
    `127.0.0.1:${guest.port}`,
    "--",
    "sh",
    "-c",
    "exit 3",
  ]);
  assertEquals(ran.code, 3, ran.stderr);
  assertEquals((await ask(`${address}/nothing`)).status, 404);

  const status = await askJson(`${url}/status`);
  assertEquals(status.command, "guest");
  assertStringIncludes(JSON.stringify(status.listening), address);
  assertEquals(status.hosts, []);
  await until("all is counted", async () => {
    const { text } = await ask(`${url}/metrics`, { Accept: "text/plain" });
    assertMatch(text, /^rda_responses_total\{operation="GuestCommand",status="1xx"\} 1$/m);
    assertMatch(text, /^rda_responses_total\{operation="Other",status="4xx"\} 1$/m);
    assertMatch(text, /^rda_connections_total [1-9]/m);
    return true;
  });
});

Deno.test("without the word, nothing answers", async () => {
  const { url } = opsPort();
  await using _guest = await startLocalGuest();
  assertEquals(await ask(`${url}/health`).then(() => "answered", () => "nobody"), "nobody");
});
