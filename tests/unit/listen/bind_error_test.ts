import { bindError } from "../../../lib/listen/bind_error.ts";
import { type ListenAddress, parseListenAddress } from "../../../lib/net/address.ts";
import { assertEquals, assertStringIncludes } from "../../support/assert.ts";

class SystemError extends Error {
  constructor(readonly code: string) {
    super(`system error ${code}`);
  }
}

const CASES: [string, string, string, string][] = [
  ["127.0.0.1:80", "EACCES", "permission denied", "below 1024"],
  ["127.0.0.1:2375", "EACCES", "permission denied", "choose another port"],
  ["unix:///root/x", "EACCES", "permission denied", "a directory of yours"],
  ["192.0.2.1:2375", "EADDRNOTAVAIL", "no such address", "127.0.0.1"],
  ["192.0.2.1:2375", "EINVAL", "no such address", "127.0.0.1"],
  ["nope.example:2375", "ENOTFOUND", "its name cannot be resolved", "fix the name"],
  ["unix:///nope/x", "ENOENT", "its directory does not exist", "create the directory"],
  ["unix:///file/x", "ENOTDIR", "its directory does not exist", "create the directory"],
  ["127.0.0.1:1", "EWHATEVER", "system error EWHATEVER", "--listen"],
  ["npipe:////./pipe/x", "EADDRINUSE", "already in use by another process", "--listen"],
];

Deno.test("who may have a port differs by platform", () => {
  const hintOf = (text: string, platform: typeof Deno.build.os) =>
    bindError(parseListenAddress(text), new SystemError("EACCES"), platform).hint ?? "";
  assertStringIncludes(hintOf("127.0.0.1:80", "darwin"), "only for all addresses at once");
  assertEquals(hintOf("127.0.0.1:8080", "darwin"), "choose another port");
  assertStringIncludes(hintOf("127.0.0.1:50080", "windows"), "excludedportrange");
  assertStringIncludes(hintOf("npipe:////./pipe/x", "windows"), "another name");
});

for (const [text, code, reason, hint] of CASES) {
  Deno.test(`${code} on ${text} is explained`, () => {
    const address: ListenAddress = parseListenAddress(text);
    const error = bindError(address, new SystemError(code));
    assertEquals(error.kind, "listen");
    assertStringIncludes(error.message, `Cannot listen on "`);
    assertStringIncludes(error.message, reason);
    assertStringIncludes(error.hint ?? "", hint);
  });
}
