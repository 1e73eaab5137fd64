import type { Given } from "../../../lib/config/option.ts";
import type { Place } from "../../../lib/config/paths.ts";
import { OPTION_NAMES, type OptionName, OPTIONS, specOf } from "../../../lib/config/schema.ts";
import { formatDuration, readDuration, readValue } from "../../../lib/config/values.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assert, assertEquals, assertThrows } from "../../support/assert.ts";

const place: Place = { platform: "linux", home: "/home/dev", env: {} };

function read(name: OptionName, text: string) {
  const origin = { source: "flag", where: `--${name}` } as const;
  const given: Given<OptionName> = { name, text, origin, base: "/project" };
  return readValue(specOf(name), given, place);
}

const GOOD: [OptionName, string, unknown][] = [
  ["transport", "ssh", "ssh"],
  ["transport", "MTLS", "mtls"],
  ["log-level", "Trace", "trace"],
  ["ssh-strict-host-key-checking", "accept-new", "accept-new"],
  ["ssh-strict-host-key-checking", "true", "yes"],
  ["ssh-strict-host-key-checking", "false", "no"],
  ["dump", "true", true],
  ["dump", "yes", true],
  ["dump", "1", true],
  ["dump", "off", false],
  ["timeout", "10s", 10_000],
  ["timeout", "500ms", 500],
  ["timeout", "1m30s", 90_000],
  ["timeout", "5m", 300_000],
  ["timeout", "1.5s", 1500],
  ["timeout", "24h", 86_400_000],
  ["reconnect-wait", "0", 0],
  ["reconnect-wait", "0s", 0],
  ["warm-connections", "0", 0],
  ["warm-connections", "64", 64],
  ["ssh-key", "~/.ssh/id_rsa", "/home/dev/.ssh/id_rsa"],
  ["ssh-key", "keys/a b", "/project/keys/a b"],
  ["ssh-key", "/etc/key", "/etc/key"],
  ["ssh-key", "none", "/project/none"],
  ["ssh-config", "none", "none"],
  ["listen", ":2375", ":2375"],
  ["listen", "unix://~/d.sock", "unix:///home/dev/d.sock"],
  ["listen", "npipe:////./pipe/docker", "npipe:////./pipe/docker"],
  ["ssh-config", "./none", "/project/none"],
  ["remote-docker", "unix:///var/run/docker.sock", "unix:///var/run/docker.sock"],
  ["remote-docker", "/run/user/1000/docker.sock", "unix:///run/user/1000/docker.sock"],
  ["remote-docker", "tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"],
  ["remote-docker", "tcp://[::1]:2375/", "tcp://[::1]:2375"],
  ["ssh-host", "remote.example.com:22", "remote.example.com:22"],
];

Deno.test("a value is read as the type of its option", () => {
  for (const [name, text, expected] of GOOD) {
    assertEquals<unknown>(read(name, text), expected, `${name} ${text}`);
  }
});

const BAD: [OptionName, string, string][] = [
  ["transport", "shh", "expected ssh, mtls or tstunnel (did you mean ssh?)"],
  ["transport", "telepathy", "expected ssh, mtls or tstunnel"],
  ["log-level", "verbose", "expected trace, debug, info, warn or error"],
  ["log-level", "inf", "did you mean info?"],
  ["dump", "perhaps", "expected true or false"],
  ["timeout", "10", "expected a duration such as 10s, 500ms or 1m30s"],
  ["timeout", "10 s", "expected a duration"],
  ["timeout", "-1s", "expected a duration"],
  ["timeout", "1e3s", "expected a duration"],
  ["timeout", "0", "expected at least 1ms"],
  ["timeout", "25h", "expected at most 24h"],
  ["timeout", "99999999999999s", "expected a duration"],
  ["warm-connections", "4.5", "expected a whole number from 0 to 64"],
  ["warm-connections", "65", "expected at most 64"],
  ["warm-connections", "many", "expected a whole number"],
  ["remote-docker", "docker.sock", '"docker.sock" for --remote-docker'],
  ["remote-docker", "unix://docker.sock", '"unix://docker.sock" for --remote-docker'],
  ["remote-docker", "tcp://127.0.0.1", '"tcp://127.0.0.1" for --remote-docker'],
  ["ssh-host", "gpu:0", '"gpu:0" for --ssh-host'],
  ["ssh-key", "file:///tmp/key", "expected a file name, not a URL"],
  ["ssh-key", "~root/key", "only one's own home directory"],
  ["ssh-user", "a\nb", "contains a control character"],
  ["ssh-user", "x".repeat(5000), "longer than 4096 characters"],
  ["ssh-user", "", "Missing value for --ssh-user"],
  ["ssh-user", "  ", "Missing value for --ssh-user"],
];

Deno.test("a value that does not fit is refused in one short line naming the flag", () => {
  for (const [name, text, expected] of BAD) {
    const error = assertThrows(() => read(name, text), AgentError, expected);
    assert(error instanceof AgentError && error.kind === "usage");
    assert(error.message.includes(`--${name}`), error.message);
    assert(!error.message.includes("\n") && error.message.length < 250, error.message);
  }
});

Deno.test("every default and every choice of the table can be read", () => {
  for (const name of OPTION_NAMES) {
    const { default: standard, choices = [] } = specOf(name);
    for (const text of standard === undefined ? choices : [standard, ...choices]) {
      read(name, text);
    }
  }
  assertEquals(OPTIONS.timeout.default, "10s");
});

Deno.test("a formatted duration reads back as the same", () => {
  for (const ms of [0, 1, 999, 1000, 1001, 59_000, 60_000, 90_000, 3_600_000, 86_400_000]) {
    assertEquals(readDuration(formatDuration(ms)), ms);
  }
});

Deno.test("an address that is none is told with a port of its own purpose", () => {
  const ports = { listen: 2375, socks: 1080, "http-proxy": 3128, "ops-listen": 9090 } as const;
  for (const [name, port] of Object.entries(ports)) {
    const error = assertThrows(() => read(name as OptionName, "x"), AgentError);
    assert(error instanceof AgentError);
    assertEquals(error.hint, `add a port, such as "x:${port}"`, name);
  }
});
