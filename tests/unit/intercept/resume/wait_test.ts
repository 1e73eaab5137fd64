import { exitCodeSince, lastExitCode } from "../../../../lib/intercept/resume/wait.ts";
import { assertEquals } from "../../../support/assert.ts";

const BEGAN = BigInt(Date.parse("2026-01-02T03:04:05Z")) * 1_000_000n;
const container = (Status: string, FinishedAt: string) => ({
  State: { Status, FinishedAt, ExitCode: 7 },
});

Deno.test("a container that ended since the wait began gives its code, all others are asked for", () => {
  const later = "2026-01-02T03:04:06.5Z", earlier = "2026-01-02T03:04:04.9Z";
  const cases: [string, string, string, string | undefined][] = [
    ["exited", later, "next-exit", "7"],
    ["dead", later, "next-exit", "7"],
    ["exited", earlier, "next-exit", undefined],
    ["created", "0001-01-01T00:00:00Z", "next-exit", undefined],
    ["running", earlier, "next-exit", undefined],
    ["restarting", later, "next-exit", undefined],
    // The engine itself answers these at once.
    ["exited", later, "not-running", undefined],
    ["exited", later, "removed", undefined],
    ["exited", "nonsense", "next-exit", undefined],
  ];
  for (const [status, finished, condition, expected] of cases) {
    assertEquals(exitCodeSince(container(status, finished), BEGAN, condition), expected, status);
  }
  assertEquals(exitCodeSince({}, BEGAN, "next-exit"), undefined);
});

Deno.test("the exit code of a container that is gone is that of its last death", () => {
  const event = (code: string) =>
    `{"Type":"container","Actor":{"ID":"a","Attributes":{"exitCode":"${code}"}}}\n`;
  const read = (text: string) => lastExitCode(new TextEncoder().encode(text));
  assertEquals(read(event("1") + event("137")), "137");
  assertEquals(read(event("1").trim()), "1");
  assertEquals(read(""), undefined);
  assertEquals(read(event("x") + "{}\n"), undefined);
});
