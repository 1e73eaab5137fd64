/** `--dump` shows heads and JSON, changes nothing, and tells no secret. */
import { dump } from "../../../lib/intercept/dump.ts";
import { maskHeader, maskJson, maskTarget } from "../../../lib/intercept/mask.ts";
import { configureLogging } from "../../../lib/log.ts";
import { assert, assertEquals, assertStringIncludes } from "../../support/assert.ts";
import { readUntil, say } from "../../support/duplex.ts";
import { bench } from "../../support/engine.ts";

const MASKED: [string, unknown, unknown][] = [
  ["registry login", { username: "u", password: "p" }, { username: "u", password: "***" }],
  ["tokens", { identitytoken: "t", JoinTokens: { Worker: "w" } }, {
    identitytoken: "***",
    JoinTokens: { Worker: "w" },
  }],
  ["environment", { Env: ["A=1", "DB_PASSWORD=x", "GITHUB_TOKEN=y", "PLAIN"] }, {
    Env: ["A=1", "DB_PASSWORD=***", "GITHUB_TOKEN=***", "PLAIN"],
  }],
  ["ordinary members", { Image: "bb", Cmd: ["x"], N: 1 }, { Image: "bb", Cmd: ["x"], N: 1 }],
];

for (const [name, value, expected] of MASKED) {
  Deno.test(`masked: ${name}`, () => {
    assertEquals(JSON.stringify(maskJson(value as never)), JSON.stringify(expected));
  });
}

Deno.test("masked: what lets a machine into a swarm, wherever it stands", () => {
  const joined = { JoinTokens: { Worker: "SWMTKN-1-5qbu-xt9" }, Args: ["--token", "SWMTKN-1-a-b"] };
  assertEquals(
    JSON.stringify(maskJson(joined)),
    '{"JoinTokens":{"Worker":"***"},"Args":["--token","***"]}',
  );
  assertEquals(maskJson("key: SWMKEY-1-ab+c/d"), "key: ***");
});

Deno.test("masked: the payload of a secret, credentials in headers and in the query", () => {
  assertEquals(JSON.stringify(maskJson({ Data: "c2Vj" }, true)), '{"Data":"***"}');
  assertEquals(maskHeader("x-registry-AUTH", "abc"), "***");
  assertEquals(maskHeader("Host", "docker"), "docker");
  assertEquals(maskTarget("/build?t=a&buildargs=%7B%22T%22%3A1%7D"), "/build?t=a&buildargs=***");
});

Deno.test("both heads and JSON bodies are logged, and pass unchanged", async () => {
  const lines: string[] = [];
  configureLogging({ level: "debug", format: "text", write: (line) => lines.push(line) });
  const b = bench({ interceptors: [dump] });
  const client = b.connect();
  const request = "POST /v1.41/auth HTTP/1.1\r\nHost: d\r\nX-Registry-Auth: c2VjcmV0\r\n" +
    'Content-Type: application/json\r\nContent-Length: 34\r\n\r\n{"username":"u","password":"hide"}';
  await say(client, request);
  const engine = await b.accept();
  assertEquals(await readUntil(engine, "}"), request);
  const answer =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n" +
    '12\r\n{"Status":"ok","N"\r\n3\r\n:1}\r\n0\r\n\r\n';
  await say(engine, answer);
  assertEquals(await readUntil(client, "0\r\n\r\n"), answer);
  await new Promise((resolve) => setTimeout(resolve));
  const all = lines.join("\n");
  assertStringIncludes(all, "> POST /v1.41/auth HTTP/1.1");
  assertStringIncludes(all, "> X-Registry-Auth: ***");
  assertStringIncludes(all, '> {"username":"u","password":"***"}');
  assertStringIncludes(all, "< HTTP/1.1 200 OK");
  assertStringIncludes(all, '< {"Status":"ok","N":1}');
  assert(!all.includes("hide") && !all.includes("c2VjcmV0"), all);
  await b.end();
});
