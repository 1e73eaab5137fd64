/** `--dump` shows what passes, and no secret of it. */
import { assertEquals } from "../support/assert.ts";
import { sameAsDirect } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { request } from "../support/raw_http.ts";

const test = await endToEnd();
const options = { agentOnly: true, flags: { dump: "" } };

test("a dump shows heads and JSON, with secrets masked", options, async (bench) => {
  const registryAuth = btoa('{"username":"me","password":"xyzzy-in-header"}');
  const headers = [`X-Registry-Auth: ${registryAuth}`, "Content-Type: application/json"];
  await request(bench.agent.socket, "POST /v1.41/images/create?fromImage=localhost:1/none", {
    headers,
  });
  const body = '{"username":"me","password":"xyzzy-in-body","serveraddress":"localhost:1"}';
  await request(bench.agent.socket, "POST /v1.41/auth", { headers, body });
  await bench.agent.waitForLog(/POST \/v1\.41\/auth/);
  await sameAsDirect(bench, ["run", "--rm", "-i", "bb", "cat"], { stdin: "unchanged\n" });
  await bench.agent.waitForLog(/containers\/create/);
  await bench.agent.waitForLog(/serveraddress/);
  const { output } = await bench.agent.logUntilNow();
  assertEquals([output.includes("xyzzy"), output.includes(registryAuth)], [false, false]);
});
