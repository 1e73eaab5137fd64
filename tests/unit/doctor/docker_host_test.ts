/** What the doctor says of where docker talks to, in the words of the shell that is at hand. */
import { judgeDockerHost } from "../../../lib/doctor/local_checks.ts";
import { assertEquals } from "../../support/assert.ts";

const OWN = ["tcp://127.0.0.1:2375"];

Deno.test("the remedy is what the shell of the platform takes", () => {
  const set = "export DOCKER_HOST=tcp://127.0.0.1:2375";
  const setOnWindows = '$env:DOCKER_HOST = "tcp://127.0.0.1:2375"';
  const cases: [typeof Deno.build.os, Record<string, string>, string | undefined, string][] = [
    ["linux", {}, undefined, set],
    ["darwin", { DOCKER_HOST: "unix:///x" }, undefined, set],
    ["linux", { DOCKER_CONTEXT: "c" }, undefined, `unset DOCKER_CONTEXT; ${set}`],
    ["linux", {}, "c", `docker context use default; ${set}`],
    ["windows", {}, undefined, setOnWindows],
    [
      "windows",
      { DOCKER_CONTEXT: "c" },
      undefined,
      `Remove-Item Env:DOCKER_CONTEXT; ${setOnWindows}`,
    ],
    ["windows", {}, "c", `docker context use default; ${setOnWindows}`],
  ];
  for (const [platform, env, context, remedy] of cases) {
    const finding = judgeDockerHost(OWN, { platform, home: "/", env }, context);
    assertEquals([finding.verdict, finding.remedy], ["warn", remedy]);
  }
});

Deno.test("a variable that names us is all that is needed", () => {
  const env = { DOCKER_HOST: OWN[0] ?? "", DOCKER_CONTEXT: "c" };
  const finding = judgeDockerHost(OWN, { platform: "windows", home: "C:\\", env }, "c");
  assertEquals(finding.verdict, "pass");
});
