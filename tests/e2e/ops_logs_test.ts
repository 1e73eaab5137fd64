/** The log at its most talkative: whose lines are whose, and no secret in any. */
import { assert } from "../support/assert.ts";
import { endToEnd } from "../support/e2e.ts";
import { opsPort, runStatus } from "../support/ops.ts";

const test = await endToEnd();
const SECRET = "xyzzy-7b1f";
const ops = opsPort({ "log-level": "trace", "log-format": "json", dump: "" });

test("passwords, registry auth and secret variables never appear", {
  agentOnly: true,
  flags: ops.flags,
}, async ({ agent, docker }) => {
  const login = ["login", "--username", "me", "--password-stdin", "localhost:1"];
  assert((await docker.run(login, { stdin: SECRET })).code !== 0, "there is no such registry");
  const env = ["-e", `DB_PASSWORD=${SECRET}`, "-e", `API_TOKEN=${SECRET}`, "-e", "PLAIN=visible"];
  await docker.ok(["run", "--rm", ...env, "bb", "true"]);
  await docker.run(["build", "--build-arg", `NPM_TOKEN=${SECRET}`, "-"], {
    stdin: "FROM bb\nARG NPM_TOKEN\n",
    vars: { DOCKER_BUILDKIT: "0" },
  });
  const { stdout } = await runStatus(agent, "--json");
  await agent.waitForLog(/PLAIN=visible/);
  await agent.waitForLog(/POST .*\/auth/);
  for (const place of [(await agent.logUntilNow()).output, stdout]) {
    assert(!place.includes(SECRET), line(place, SECRET));
    assert(!place.includes(btoa(SECRET)), "as base64");
  }
});

test(
  "all lines of one connection carry its id",
  { agentOnly: true, flags: ops.flags },
  async (b) => {
    // What is as large as an image has a stream of its own.
    await b.docker.shell("docker save bb >/dev/null");
    await b.agent.waitForLog(/"message":"GET [^"]*images\/get.*\n/);
    const said = b.agent.logSoFar.lines.filter((text) => text.startsWith("{"));
    const lines = said.map((text) => JSON.parse(text));
    const request = lines.find(({ message }) => /^GET .*images\/get/.test(message));
    assert(typeof request?.conn === "string", JSON.stringify(request));
    const own = lines.filter(({ conn }) => conn === request.conn).map(({ message }) => message);
    assert(own.includes("A client has connected"), own.join("\n"));
    assert(own.some((message) => /^> GET .*images\/get/.test(message)), own.join("\n"));
    assert(own.includes("Opened a stream"), own.join("\n"));
  },
);

function line(text: string, part: string): string {
  return text.split("\n").find((each) => each.includes(part)) ?? "";
}
