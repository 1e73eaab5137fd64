import { nearest, suggestion } from "../../../lib/config/suggest.ts";
import { assertEquals } from "../../support/assert.ts";

const KNOWN = ["--ssh-host", "--ssh-key", "--listen", "--log-level", "--ports"];

Deno.test("the nearest name is found within three edits", () => {
  const cases: [string, string | undefined][] = [
    ["--ssh-hots", "--ssh-host"],
    ["--sshhost", "--ssh-host"],
    ["--LISTEN", "--listen"],
    ["--loglevel", "--log-level"],
    ["--colour", undefined],
    ["--lis", undefined],
    ["--bogus", undefined],
    ["x", undefined],
    ["", undefined],
    ["x".repeat(100_000), undefined],
  ];
  for (const [word, expected] of cases) assertEquals(nearest(word, KNOWN), expected, word);
});

Deno.test("a hint falls back to where all names are listed", () => {
  assertEquals(suggestion("--listn", KNOWN, "see the help"), "did you mean --listen?");
  assertEquals(suggestion("--colour", KNOWN, "see the help"), "see the help");
});
