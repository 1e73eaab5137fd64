import {
  defaultConfigFile,
  type Place,
  resolvePath,
  stateFolder,
} from "../../../lib/config/paths.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

const linux: Place = { platform: "linux", home: "/home/dev", env: {} };
const windows: Place = { platform: "windows", home: "C:\\Users\\dev", env: {} };

const RESOLVED: [Place, string, string][] = [
  [linux, "~", "/home/dev"],
  [linux, "~/.ssh/id_rsa", "/home/dev/.ssh/id_rsa"],
  [linux, "a/../b", "/base/b"],
  [linux, "/abs", "/abs"],
  [windows, "~\\.ssh\\id_rsa", "C:\\Users\\dev\\.ssh\\id_rsa"],
  [windows, "~/.ssh/id_rsa", "C:\\Users\\dev\\.ssh\\id_rsa"],
  [windows, "C:\\keys\\id", "C:\\keys\\id"],
  [windows, "\\\\server\\share\\id", "\\\\server\\share\\id"],
];

Deno.test("a file name becomes absolute by the rules of the platform", () => {
  for (const [place, text, expected] of RESOLVED) {
    const base = place === windows ? "D:\\base" : "/base";
    assertEquals(resolvePath(text, base, place), expected);
  }
  assertEquals(resolvePath("key.pem", "D:\\base", windows), "D:\\base\\key.pem");
});

Deno.test("~ needs a known home directory", () => {
  const homeless = { ...linux, home: undefined };
  assertThrows(() => resolvePath("~/x", "/", homeless), Error, "set HOME");
});

Deno.test("the user's own configuration file is where the platform keeps such files", () => {
  const cases: [Place, string | undefined][] = [
    [linux, "/home/dev/.config/remote-docker-agent/config.yaml"],
    [{ ...linux, env: { XDG_CONFIG_HOME: "/xdg" } }, "/xdg/remote-docker-agent/config.yaml"],
    [
      { ...linux, env: { XDG_CONFIG_HOME: "relative" } },
      "/home/dev/.config/remote-docker-agent/config.yaml",
    ],
    [{ ...linux, home: undefined }, undefined],
    [
      { platform: "darwin", home: "/Users/dev", env: {} },
      "/Users/dev/Library/Application Support/remote-docker-agent/config.yaml",
    ],
    [windows, "C:\\Users\\dev\\AppData\\Roaming\\remote-docker-agent\\config.yaml"],
    [{ ...windows, env: { APPDATA: "E:\\r" } }, "E:\\r\\remote-docker-agent\\config.yaml"],
  ];
  for (const [place, expected] of cases) assertEquals(defaultConfigFile(place), expected);
});

Deno.test("state is kept where the platform keeps it", () => {
  const cases: [Place, string | undefined][] = [
    [linux, "/home/dev/.local/state/remote-docker-agent"],
    [{ ...linux, env: { XDG_STATE_HOME: "/xdg" } }, "/xdg/remote-docker-agent"],
    [
      { ...linux, env: { XDG_STATE_HOME: "relative" } },
      "/home/dev/.local/state/remote-docker-agent",
    ],
    [{ ...linux, home: undefined }, undefined],
    [
      { platform: "darwin", home: "/Users/dev", env: {} },
      "/Users/dev/Library/Application Support/remote-docker-agent",
    ],
    [windows, "C:\\Users\\dev\\AppData\\Local\\remote-docker-agent"],
  ];
  for (const [place, expected] of cases) assertEquals(stateFolder(place), expected);
});
