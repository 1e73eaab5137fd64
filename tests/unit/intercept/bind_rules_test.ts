/** Which rule decides for a source. */
import {
  canBeLocal,
  DEFAULT_BIND_RULES,
  parseBindRule,
  ruleFor,
} from "../../../lib/intercept/bind_rules.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

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
  assertEquals(canBeLocal("/data", "windows"), false);
  assertEquals(canBeLocal("/c/data", "windows"), true);
  assertEquals(canBeLocal("/data", "linux"), true);
  assertEquals(canBeLocal("C:\\data", "linux"), false);
  assertEquals(canBeLocal("c:/data", "darwin"), false);
});

for (const text of ["/data", "/data=sideways", "data=remote", "=remote"]) {
  Deno.test(`refused as a rule: ${text}`, () => {
    assertThrows(() => parseBindRule(text, "/home/me"), AgentError, "--binds");
  });
}
