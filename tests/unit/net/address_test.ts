import {
  expandHome,
  formatDockerHost,
  formatHostPort,
  isIpLiteral,
  isLoopback,
  type ListenAddress,
  parseListenAddress,
} from "../../../lib/net/address.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../support/assert.ts";

const GOOD: [string, ListenAddress, string][] = [
  [
    "127.0.0.1:2375",
    { kind: "tcp", host: "127.0.0.1", port: 2375 },
    "tcp://127.0.0.1:2375",
  ],
  [
    ":2375",
    { kind: "tcp", host: "127.0.0.1", port: 2375, hostImplied: true },
    "tcp://127.0.0.1:2375",
  ],
  ["localhost:23750", { kind: "tcp", host: "localhost", port: 23750 }, "tcp://localhost:23750"],
  ["[::1]:2375", { kind: "tcp", host: "::1", port: 2375 }, "tcp://[::1]:2375"],
  ["127.0.0.1:0", { kind: "tcp", host: "127.0.0.1", port: 0 }, "tcp://127.0.0.1:0"],
  ["tcp://0.0.0.0:2376", { kind: "tcp", host: "0.0.0.0", port: 2376 }, "tcp://0.0.0.0:2376"],
  ["TCP://[::]:1/", { kind: "tcp", host: "::", port: 1 }, "tcp://[::]:1"],
  [
    "tcp://:2375",
    { kind: "tcp", host: "127.0.0.1", port: 2375, hostImplied: true },
    "tcp://127.0.0.1:2375",
  ],
  [
    "tcp://dev-box.example.com",
    { kind: "tcp", host: "dev-box.example.com", port: 2375 },
    "tcp://dev-box.example.com:2375",
  ],
  [
    "unix:///run/docker.sock",
    { kind: "unix", path: "/run/docker.sock" },
    "unix:///run/docker.sock",
  ],
  ["unix://~/.x.sock", { kind: "unix", path: "~/.x.sock" }, "unix://~/.x.sock"],
  [
    "npipe:////./pipe/docker_remote",
    { kind: "npipe", path: "\\\\.\\pipe\\docker_remote" },
    "npipe:////./pipe/docker_remote",
  ],
  [
    "npipe://\\\\.\\pipe\\docker_remote",
    { kind: "npipe", path: "\\\\.\\pipe\\docker_remote" },
    "npipe:////./pipe/docker_remote",
  ],
];

for (const [text, address, dockerHost] of GOOD) {
  Deno.test(`"${text}" is a listen address`, () => {
    assertEquals(parseListenAddress(text), address);
    assertEquals(formatDockerHost(address), dockerHost);
  });
}

const BAD: [string, string][] = [
  ["", "write an address"],
  ["2375", 'write ":2375"'],
  ["127.0.0.1", 'add a port, such as "127.0.0.1:2375"'],
  ["127.0.0.1:", "0 to 65535"],
  ["127.0.0.1:65536", "0 to 65535"],
  ["127.0.0.1:-1", "0 to 65535"],
  ["127.0.0.1:http", "0 to 65535"],
  ["127.1:2375", "write an address"],
  ["256.0.0.1:2375", "write an address"],
  ["0177.0.0.1:2375", "write an address"],
  ["::1", 'write "[::1]:2375"'],
  ["[::1]", "add a port"],
  ["[fe80::1%eth0]:2375", "write an address"],
  ["[127.0.0.1]:2375", "write an address"],
  ["user@host:2375", "write an address"],
  ["-x:2375", "write an address"],
  ["host name:2375", "write an address"],
  ["tcp://host:2375/path", "0 to 65535"],
  ["/run/docker.sock", 'write "unix:///run/docker.sock"'],
  ["~/docker.sock", 'write "unix://~/docker.sock"'],
  ["./docker.sock", 'write "unix:///path/to/docker.sock"'],
  ["unix://docker.sock", "absolute path"],
  ["unix://", "absolute path"],
  ["unix://C:\\docker.sock", 'on Windows use a named pipe: "npipe:'],
  ["unix://c:/docker.sock", "named pipe"],
  ["unix:///run/", "name a file"],
  ["\\\\.\\pipe\\x", 'write "npipe:////./pipe/x"'],
  ["npipe:////server/pipe/x", "write a pipe"],
  ["npipe:////./pipe/", "write a pipe"],
  ["npipe:////./pipe/a/b", "write a pipe"],
  ["http://127.0.0.1:2375", 'write "tcp://127.0.0.1:2375"'],
  ["ssh://dev@host", "the schemes are"],
  ["fd://", "the schemes are"],
];

for (const [text, hint] of BAD) {
  Deno.test(`"${text}" is refused with a hint`, () => {
    const error = assertThrows(() => parseListenAddress(text), AgentError);
    assert(error instanceof AgentError);
    assertEquals(error.kind, "config");
    assertEquals(error.message, `Cannot listen on "${text}": not a valid address`);
    assertStringIncludes(error.hint ?? "", hint);
  });
}

Deno.test("what is suggested suits what the address is for", () => {
  const cases: [text: string, hint: string][] = [
    ["x", 'add a port, such as "x:1080"'],
    ["tcp://127.0.0.1", 'add a port, such as "tcp://127.0.0.1:1080"'],
    ["::1", 'write "[::1]:1080"'],
    ["a b:1", 'write an address such as "127.0.0.1:1080"'],
    ["/tmp/x", 'write an address such as "127.0.0.1:1080"'],
    ["ftp://x", 'write an address such as "127.0.0.1:1080"'],
  ];
  for (const [text, hint] of cases) {
    const error = assertThrows(() => parseListenAddress(text, { port: 1080 }), AgentError);
    assert(error instanceof AgentError);
    assertEquals(error.hint, hint, text);
  }
});

Deno.test("a leading ~/ becomes the home directory, and nothing else changes", () => {
  const tilde: ListenAddress = { kind: "unix", path: "~/.x.sock" };
  assertEquals(expandHome(tilde, "/home/dev/"), { kind: "unix", path: "/home/dev/.x.sock" });
  const plain: ListenAddress = { kind: "unix", path: "/run/~/x" };
  assertEquals(expandHome(plain, "/home/dev"), plain);
  const tcp: ListenAddress = { kind: "tcp", host: "::1", port: 1 };
  assertEquals(expandHome(tcp, undefined), tcp);
  assertThrows(() => expandHome(tilde, undefined), AgentError, "home directory");
});

Deno.test("loopback is 127.0.0.0/8, ::1, localhost and their mapped and bracketed forms", () => {
  const loopback = [
    "127.0.0.1",
    "127.255.0.3",
    "localhost",
    "LOCALHOST.",
    "::1",
    "[::1]",
    "0:0:0:0:0:0:0:1",
    "::ffff:127.0.0.1",
    "::FFFF:7f01:203",
  ];
  for (const host of loopback) assert(isLoopback(host), host);
  const others = [
    "",
    "0.0.0.0",
    "::",
    "128.0.0.1",
    "127.1",
    "127.0.0.1.example.com",
    "localhost.example.com",
    "::2",
    "::ffff:10.0.0.1",
    "1::ffff:7f00:1",
  ];
  for (const host of others) assert(!isLoopback(host), host);
});

Deno.test("an IP literal is told from a name", () => {
  for (const host of ["10.0.0.1", "::1", "[2001:db8::1]"]) assert(isIpLiteral(host), host);
  for (const host of ["", "example.com", "10.0.0", "10.0.0.01", "[]", "[x]", ":"]) {
    assert(!isIpLiteral(host), host);
  }
});

Deno.test("an IPv6 host gets brackets before its port", () => {
  assertEquals(formatHostPort("::1", 80), "[::1]:80");
  assertEquals(formatHostPort("localhost", 80), "localhost:80");
});
