/** Which rule decides for a source. */
import {
  canBeLocal,
  DEFAULT_BIND_RULES,
  parseBindRule,
  ruleFor,
} from "../../../../lib/intercept/binds/rules.ts";
import { AgentError } from "../../../../lib/errors.ts";
import type { Platform } from "../../../../lib/sync/core/path_map.ts";
import { assertEquals, assertThrows } from "../../../support/assert.ts";

const BY_DEFAULT: [string, string | undefined][] = [
  ["/var/run/docker.sock", "socket"],
  ["/run/docker.sock", "socket"],
  ["//var/run/docker.sock", "socket"],
  ["/run/user/1000", "remote"],
  ["/proc", "remote"],
  ["/proc/", "remote"],
  ["/sys/fs/cgroup", "remote"],
  ["/dev/../dev/kvm", "remote"],
  ["/lib/modules/6.1", "remote"],
  ["/etc/localtime", "remote"],
  ["/process", undefined],
  ["/home/me/dev", undefined],
  ["/srv/proc", undefined],
];

for (const [source, place] of BY_DEFAULT) {
  Deno.test(`by default ${source} is ${place ?? "looked at"}`, () => {
    assertEquals(ruleFor(source, DEFAULT_BIND_RULES, "linux")?.place, place);
  });
}

Deno.test("the first rule that matches decides, the user's before ours", () => {
  const texts = ["/run/my=local", "/data/*/cache=remote", "/data=one-way-safe", "~/x=off"];
  const rules = [
    ...texts.map((text) => parseBindRule(text, "/home/me")),
    ...DEFAULT_BIND_RULES,
  ];
  const decide = (source: string) => ruleFor(source, rules, "linux");
  assertEquals(decide("/run/my/app")?.place, "local");
  assertEquals(decide("/run/other")?.place, "remote");
  assertEquals(decide("/data/a/cache/b")?.place, "remote");
  assertEquals(decide("/data/a/b/cache")?.mode, "one-way-safe");
  assertEquals(decide("/home/me/x/y")?.place, "remote");
  assertEquals(decide("/home/me/xy"), undefined);
});

Deno.test("on Windows the spellings of a path are one, and case does not count", () => {
  const rules = [parseBindRule("C:\\Data=remote", undefined)];
  for (const source of ["c:/data/x", "/c/data", "//C/DATA/x", "C:\\data"]) {
    assertEquals(ruleFor(source, rules, "windows")?.place, "remote", source);
  }
  assertEquals(ruleFor("/d/data", rules, "windows"), undefined);
  assertEquals(ruleFor("//var/run/docker.sock", DEFAULT_BIND_RULES, "windows")?.place, "socket");
  assertEquals(ruleFor("/run/user", DEFAULT_BIND_RULES, "windows")?.place, "remote");
  assertEquals(ruleFor("/run/desktop/mnt/host/c/x", DEFAULT_BIND_RULES, "windows"), undefined);
});

Deno.test("which sources can be paths of this machine", () => {
  const cases: [source: string, platform: Platform, expected: boolean][] = [
    ["/data", "windows", false],
    ["//data/x", "windows", false],
    ["/mnt/data", "windows", false],
    ["/mnt/c/data", "windows", true],
    ["/c/data", "windows", true],
    ["//c/data", "windows", true],
    ["C:\\data", "windows", true],
    ["\\\\wsl.localhost\\Debian\\srv", "windows", true],
    ["\\\\server", "windows", false],
    ["\\\\.\\pipe\\x", "windows", false],
    ["/data", "linux", true],
    ["C:\\data", "linux", false],
    ["C:/data", "darwin", false],
    ["\\\\server\\share", "linux", false],
  ];
  for (const [source, platform, expected] of cases) {
    assertEquals(canBeLocal(source, platform), expected, `${source} on ${platform}`);
  }
});

for (const text of ["/data", "/data=sideways", "data=remote", "=remote"]) {
  Deno.test(`refused as a rule: ${text}`, () => {
    assertThrows(() => parseBindRule(text, "/home/me"), AgentError, "--binds");
  });
}
