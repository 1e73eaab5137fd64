/** Replacing and removing files that others hold, told by a file system that holds them. */
import {
  type FileCalls,
  removeFileSync,
  replaceFileSync,
} from "../../../lib/system/replace_file.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

/** Refuses `times` times; `calls` has what was done. */
function holding(times: number, refusal: Error, platform: FileCalls["platform"] = "windows") {
  const calls: string[] = [];
  let left = times;
  const attempt = (what: string) => {
    calls.push(what);
    if (left-- > 0) throw refusal;
  };
  return {
    calls,
    system: {
      platform,
      rename: (from: string, to: string) => attempt(`${from}>${to}`),
      remove: (path: string) => attempt(`-${path}`),
      unprotect: (path: string) => void calls.push(`+w ${path}`),
      pause: () => {},
    },
  };
}

const DENIED = new Deno.errors.PermissionDenied("Access is denied. (os error 5)");
const SHARED = new Error("It is being used by another process. (os error 32)");

Deno.test("on Windows a file that is held for a moment is replaced after it", () => {
  for (const refusal of [DENIED, SHARED]) {
    const { calls, system } = holding(2, refusal);
    replaceFileSync("a", "b", system);
    assertEquals(calls, ["a>b", "+w b", "a>b", "+w b", "a>b"]);
  }
  const { calls, system } = holding(1, DENIED);
  removeFileSync("b", system);
  assertEquals(calls, ["-b", "+w b", "-b"]);
});

Deno.test("one that stays held is refused in the system's words, soon", () => {
  const { calls, system } = holding(Infinity, SHARED);
  assertThrows(() => replaceFileSync("a", "b", system), Error, "used by another process");
  assertEquals(calls.filter((call) => call === "a>b").length, 5);
});

Deno.test("other refusals, and those of other systems, are final", () => {
  const gone = new Deno.errors.NotFound("No such file or directory (os error 2)");
  for (const [refusal, platform] of [[gone, "windows"], [DENIED, "linux"]] as const) {
    const { calls, system } = holding(Infinity, refusal, platform);
    assertThrows(() => replaceFileSync("a", "b", system), refusal.constructor as typeof Error);
    assertEquals(calls, ["a>b"]);
  }
});

Deno.test("real files: replaced with what they are, or refused", () => {
  const folder = Deno.makeTempDirSync({ prefix: "replace-" });
  try {
    Deno.writeTextFileSync(`${folder}/a`, "new");
    Deno.writeTextFileSync(`${folder}/b`, "old", { mode: 0o444 });
    replaceFileSync(`${folder}/a`, `${folder}/b`);
    assertEquals(Deno.readTextFileSync(`${folder}/b`), "new");
    removeFileSync(`${folder}/b`);
    assertThrows(() => removeFileSync(`${folder}/b`), Deno.errors.NotFound);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
