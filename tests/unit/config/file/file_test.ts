import { readFileContents } from "../../../../lib/config/file/file.ts";
import { MAX_FILE_BYTES } from "../../../../lib/config/file/text_file.ts";
import { AgentError } from "../../../../lib/errors.ts";
import { assert, assertEquals, assertThrows } from "../../../support/assert.ts";

function read(text: string): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const { name, text: value } of readFileContents(text, "c.yaml", "/etc").values) {
    (found[name] ??= []).push(value);
  }
  return found;
}

Deno.test("YAML and JSON give the same values", () => {
  const expected = {
    "ssh-host": ["gpu:22"],
    timeout: ["10s"],
    dump: ["true"],
    "warm-connections": ["2"],
    listen: ["127.0.0.1:2375", "unix:///tmp/d.sock"],
  };
  const yaml = `# mine
ssh_host: "gpu:22"
timeout: 10s   # per attempt
dump: true
warm_connections: 2
listen:
  - 127.0.0.1:2375
  - unix:///tmp/d.sock
`;
  const json = JSON.stringify(
    {
      ssh_host: "gpu:22",
      timeout: "10s",
      dump: true,
      warm_connections: 2,
      listen: ["127.0.0.1:2375", "unix:///tmp/d.sock"],
    },
    null,
    "\t",
  );
  assertEquals(read(yaml), expected);
  assertEquals(read(json), expected);
  assertEquals(read(yaml.replaceAll("\n", "\r\n")), expected);
});

Deno.test("an empty file sets nothing", () => {
  for (const text of ["", "\n\n", "# only a comment\n", "---\n", "{}"]) {
    assertEquals(read(text), {});
  }
});

Deno.test("a value remembers its file, line and column", () => {
  const [given] = readFileContents("\n\nssh_host:   gpu\n", "/etc/c.yaml", "/etc").values;
  assertEquals(given?.origin, { source: "file", where: '"ssh_host" (/etc/c.yaml:3:13)' });
  assertEquals(given?.base, "/etc");
});

Deno.test("plain values keep the form they were written in", () => {
  assertEquals(read("ssh_user: 0700"), { "ssh-user": ["0700"] });
  assertEquals(read("ssh_user: 1.10"), { "ssh-user": ["1.10"] });
  assertEquals(read("ssh_user: 9007199254740993"), { "ssh-user": ["9007199254740993"] });
  assertEquals(read("ssh_user: null"), { "ssh-user": [""] });
  assertEquals(read("ssh_user:"), { "ssh-user": [""] });
});

const BAD: [string, string][] = [
  ["ssh_hots: gpu\n", 'c.yaml:1:1: unknown key "ssh_hots"'],
  ["\n  zzzzzz: 1\n", 'c.yaml:2:3: unknown key "zzzzzz"'],
  ["config: other.yaml\n", 'unknown key "config"'],
  ["ssh-host: gpu\n", 'unknown key "ssh-host"'],
  ["ssh_host: a\nSSHHost: b\n", 'c.yaml:2:1: key "SSHHost" sets the same option as "ssh_host"'],
  ["remote_docker: /a\nremote_socket: /b\n", "sets the same option"],
  ["ssh_host: [a, b]\n", 'c.yaml:1:11: "ssh_host" takes a single value'],
  ["listen: []\n", 'c.yaml:1:9: "listen" is an empty list'],
  ["listen: [[a]]\n", 'c.yaml:1:10: "listen" takes a plain value'],
  ["ssh_host: {name: a}\n", 'c.yaml:1:11: "ssh_host" takes a plain value'],
  ["ssh_host: &a gpu\n", "anchors are not supported"],
  ["ssh_host: *a\n", "c.yaml:1:11:"],
  ["ssh_user: &a x\nssh_host: *a\n", "not supported"],
  ["<<: {ssh_host: a}\n", 'unknown key "<<"'],
  ["? [a, b]\n: c\n", "expected a plain key"],
  ["ssh_host: !secret gpu\n", "c.yaml:1:11: Unresolved tag"],
  ["- a\n- b\n", 'c.yaml:1:1: expected a list of "key: value" lines'],
  ["just words\n", 'expected a list of "key: value" lines'],
  ["ssh_host: a\nssh_host: b\n", "c.yaml:2:1: the key was there before"],
  ["ssh_host: a\n---\nssh_host: b\n", "More than one document"],
  ["ssh_host: " + "[".repeat(3_000), "too deeply nested"],
  ["listen: [a, b\ntimeout: 1s\n", "c.yaml:2:1:"],
  ["ssh_host: 'a\n", "Missing closing 'quote"],
  ['{"ssh_host": "a"', "c.yaml:1:"],
  ["\tssh_host: a\n", "c.yaml:1:1: Tabs are not allowed"],
  ["[".repeat(MAX_FILE_BYTES), "Cannot read c.yaml"],
  ["- ".repeat(MAX_FILE_BYTES / 2), "Cannot read c.yaml"],
  ["\u0000\u0001\u0002", "Cannot read c.yaml:1:1"],
];

Deno.test("a malformed file is refused in one line with its position", () => {
  for (const [text, expected] of BAD) {
    const error = assertThrows(() => read(text), AgentError, expected);
    assert(error instanceof AgentError && error.kind === "config");
    assert(!error.message.includes("\n") && error.message.length < 300, error.message);
  }
});

Deno.test("an unknown key suggests the nearest", () => {
  const error = assertThrows(() => read("ssh_hots: gpu\n"));
  assert(error instanceof AgentError);
  assertEquals(error.hint, "did you mean ssh_host?");
});
