import { checkClientHeaders } from "../../../lib/listen/host_policy.ts";
import { assertEquals, assertStringIncludes } from "../../support/assert.ts";

const PASS: (string | undefined)[] = [
  undefined,
  "",
  "docker",
  "docker:2375",
  "api.moby.localhost",
  "localhost",
  "LocalHost:2375",
  "localhost.",
  "my-app.localhost:1",
  "127.0.0.1:2375",
  "10.231.7.2",
  "[::1]",
  "[::1]:2375",
  "host.docker.internal:2375",
  "gateway.docker.internal",
];

for (const host of PASS) {
  Deno.test(`Host ${JSON.stringify(host)} passes`, () => {
    assertEquals(checkClientHeaders(host, undefined), undefined);
    assertEquals(checkClientHeaders(host, undefined, "none"), undefined);
  });
}

const REFUSED_HOSTS = [
  "evil.example",
  "evil.example:2375",
  "localhost.evil.example",
  "docker.evil.example",
  "127.0.0.1.nip.io",
  "127.0.0.1:2375:80",
  "::1",
  "[::1",
  "[evil.example]",
  ".localhost",
  "evillocalhost",
  "localhost@evil.example",
  "localhost, evil.example",
  "localhost:x",
  ":2375",
  "2130706433",
  "0x7f.1",
];

for (const host of REFUSED_HOSTS) {
  Deno.test(`Host ${JSON.stringify(host)} is refused`, () => {
    const refusal = checkClientHeaders(host, undefined);
    assertEquals(refusal?.status, 403);
    assertStringIncludes(refusal?.message ?? "", JSON.stringify(host));
  });
}

const REFUSED_PAGES: [string | undefined, string | undefined, string][] = [
  ["https://evil.example", undefined, "Origin"],
  ["http://127.0.0.1:2375", undefined, "Origin"],
  ["null", undefined, "Origin"],
  ["", undefined, "Origin"],
  [undefined, "cross-site", "Sec-Fetch-Site"],
  [undefined, "same-site", "Sec-Fetch-Site"],
  [undefined, "same-origin", "Sec-Fetch-Site"],
  [undefined, "", "Sec-Fetch-Site"],
];

for (const [origin, site, named] of REFUSED_PAGES) {
  Deno.test(`a page with Origin ${origin} and Sec-Fetch-Site ${site} is refused`, () => {
    const refusal = checkClientHeaders("127.0.0.1:2375", origin, site);
    assertEquals(refusal?.status, 403);
    assertStringIncludes(refusal?.message ?? "", named);
  });
}

Deno.test("a refusal repeats only the beginning of a long header", () => {
  const message = checkClientHeaders("a".repeat(10_000), undefined)?.message ?? "";
  assertStringIncludes(message, "…");
  assertEquals(message.length < 300, true);
});
