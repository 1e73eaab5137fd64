import { replaceSection } from "../../../scripts/bench/docs.ts";
import { renderReport, type Run } from "../../../scripts/bench/report.ts";
import { assert, assertEquals, assertStringIncludes, assertThrows } from "../../support/assert.ts";

const run: Run = {
  facts: { cores: "2" },
  peers: ["agent", "ssh-l", "docker-ssh"],
  absent: { direct: "no socket" },
  results: [{
    measurement: "docker-ps",
    row: { id: "docker-ps", title: "`docker ps`", unit: "ms" },
    roundTrip: 20,
    cells: {
      agent: { rounds: [[30], [32], [34]] },
      "ssh-l": { rounds: [[60], [64], [68]] },
      "docker-ssh": { rounds: [], failure: "exit code 1: too many connections" },
    },
  }],
};

Deno.test("a report gives ratios first and then the values they are made from", () => {
  const cells = (renderReport(run).split("\n").find((line) => line.startsWith("| `docker ps`")))
    ?.split("|").map((cell) => cell.trim()).slice(1, -1);
  assertEquals(cells, ["`docker ps`", "0.50×", "–", "ms", "32.0", "64.0", "failed"]);
});

Deno.test("a report tells which peer failed and why", () => {
  const text = renderReport(run);
  assertStringIncludes(text, "- direct socket: no socket");
  assertStringIncludes(
    text,
    "- docker -H ssh://, docker-ps, 20 ms: exit code 1: too many connections",
  );
});

Deno.test("a report without failures has no section for them", () => {
  const { results } = run;
  const sound = results.map((it) => ({ ...it, cells: { agent: { rounds: [[1]] } } }));
  assert(!renderReport({ ...run, absent: {}, results: sound }).includes("What failed"));
});

Deno.test("the section in the document is replaced, and all around it stays", () => {
  const text = "# Title\n\n<!-- bench: begin -->\n\nold\n\n<!-- bench: end -->\n\nrest\n";
  const once = replaceSection(text, "new");
  assertEquals(once, text.replace("old", "new"));
  assertEquals(replaceSection(once, "old"), text);
});

Deno.test("a document without the marks is not written", () => {
  assertThrows(() => replaceSection("# Title\n", "new"), Error, "Cannot find");
});
