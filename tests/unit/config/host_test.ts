import { type Host, readHost } from "../../../lib/config/host.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const GOOD: [string, Host][] = [
  ["gpu", { host: "gpu" }],
  ["remote.example.com:22", { host: "remote.example.com", port: 22 }],
  ["dev@gpu:2222", { user: "dev", host: "gpu", port: 2222 }],
  ["ssh://dev@gpu:2222", { user: "dev", host: "gpu", port: 2222 }],
  ["ssh://gpu/", { host: "gpu" }],
  ["me@corp.com@gpu", { user: "me@corp.com", host: "gpu" }],
  ["10.0.0.1", { host: "10.0.0.1" }],
  ["::1", { host: "::1" }],
  ["[::1]", { host: "::1" }],
  ["[fe80::1%eth0]:22", { host: "fe80::1%eth0", port: 22 }],
  ["dev@[2001:db8::1]:65535", { user: "dev", host: "2001:db8::1", port: 65535 }],
  ["build_box*", { host: "build_box*" }],
];

Deno.test("a host is split into user, name and port", () => {
  for (const [text, expected] of GOOD) assertEquals(readHost(text), expected, text);
});

const BAD = [
  "",
  ":22",
  "gpu:",
  "gpu:0",
  "gpu:65536",
  "gpu:ssh",
  "gpu:22:",
  "@gpu",
  "dev@",
  "[::1",
  "::1]",
  "[]:22",
  "[::1]22",
  "-oProxyCommand=x",
  "-x@gpu",
  "gpu example",
  "gpu/path",
  "https://gpu",
  "$(id)",
  "`id`",
];

Deno.test("what is not a host is refused", () => {
  for (const text of BAD) assertThrows(() => readHost(text), Error, "expected");
});
