import { assertEquals, assertThrows } from "../../support/assert.ts";
import { AgentError } from "../../../lib/errors.ts";
import { formatTarget, parseRemoteDocker, parseSshHost } from "../../../lib/transport/url.ts";

Deno.test("remote Docker addresses are understood", () => {
  const table: [string, ReturnType<typeof parseRemoteDocker>][] = [
    ["unix:///var/run/docker.sock", { kind: "unix", path: "/var/run/docker.sock" }],
    ["/run/user/1000/docker.sock", { kind: "unix", path: "/run/user/1000/docker.sock" }],
    ["tcp://127.0.0.1:2375", { kind: "tcp", host: "127.0.0.1", port: 2375 }],
    ["tcp://[::1]:2375/", { kind: "tcp", host: "::1", port: 2375 }],
    ["TCP://localhost:1", { kind: "tcp", host: "localhost", port: 1 }],
  ];
  for (const [text, target] of table) assertEquals(parseRemoteDocker(text), target, text);
});

Deno.test("a bad remote Docker address is refused with its value and a hint", () => {
  const table = [
    ["", "it is empty"],
    ["docker.sock", "it has no scheme"],
    ["unix://docker.sock", "the path is not absolute"],
    ["unix:///", "the path is empty"],
    ["tcp://127.0.0.1", "the port is missing"],
    ["tcp://127.0.0.1:0", 'bad port "0"'],
    ["tcp://:2375", "the host is empty"],
    ["npipe:////./pipe/x", 'unknown scheme "npipe"'],
  ] as const;
  for (const [text, problem] of table) {
    const error = assertThrows(() => parseRemoteDocker(text), AgentError) as AgentError;
    assertEquals(error.message, `Invalid remote Docker address "${text}": ${problem}`);
    assertEquals([error.kind, error.hint?.startsWith("use ")], ["config", true]);
  }
});

Deno.test("a target is written as it was read", () => {
  for (const text of ["unix:///a/b", "tcp://h:1", "tcp://[::1]:2"]) {
    assertEquals(formatTarget(parseRemoteDocker(text)), text);
  }
});

Deno.test("SSH hosts are understood", () => {
  const table: [string, ReturnType<typeof parseSshHost>][] = [
    ["host", { host: "host" }],
    ["host:2222", { host: "host", port: 2222 }],
    ["dev@host", { host: "host", user: "dev" }],
    ["dev@host:22", { host: "host", user: "dev", port: 22 }],
    ["me@corp.com@host", { host: "host", user: "me@corp.com" }],
    ["[::1]:22", { host: "::1", port: 22 }],
    ["::1", { host: "::1" }],
    ["dev@fe80::1%eth0", { host: "fe80::1%eth0", user: "dev" }],
    ["ssh://dev@host:22", { host: "host", user: "dev", port: 22 }],
    ["ssh://a%40b@host/", { host: "host", user: "a@b" }],
  ];
  for (const [text, host] of table) assertEquals(parseSshHost(text), host, text);
});

Deno.test("a bad SSH host is refused with its value and a hint", () => {
  const table = [
    ["", "the host is empty"],
    ["gpu:22:22", "more than one port"],
    ["@host", "the user name is empty"],
    ["host:", 'bad port ""'],
    ["host:ssh", 'bad port "ssh"'],
    ["host:70000", 'bad port "70000"'],
    ["-oProxyCommand=x", "bad host name"],
    ["ho st", "bad host name"],
    ["-x@host", "bad user name"],
    ["http://host", 'unknown scheme "http"'],
    ["ssh://u:secret@host", "a password in the URL is not accepted"],
    ["ssh://%zz@host", "bad percent-encoding in the user name"],
  ] as const;
  for (const [text, problem] of table) {
    const error = assertThrows(() => parseSshHost(text), AgentError) as AgentError;
    assertEquals(error.kind, "config");
    assertEquals(error.message, `Invalid SSH host "${text}": ${problem}`);
  }
});
