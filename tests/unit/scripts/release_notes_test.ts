import { releaseNotes } from "../../../scripts/release_notes.ts";
import { assertEquals, assertMatch, assertThrows } from "../../support/assert.ts";

const CHANGELOG = `# Changelog

Words about the file.

## [Unreleased]

### Added

- Something new.

## [1.0.0] - 2026-01-02

### Fixed

- Something old.

## [0.9.0]

[1.0.0]: https://example.com/1.0.0
`;

Deno.test("the notes of a version are its section, those of the next what is not released", () => {
  assertEquals(
    releaseNotes(CHANGELOG, "1.0.0"),
    "# remote-docker-agent 1.0.0\n\n### Fixed\n\n- Something old.\n",
  );
  assertEquals(
    releaseNotes(CHANGELOG, "1.1.0"),
    "# remote-docker-agent 1.1.0\n\n### Added\n\n- Something new.\n",
  );
});

Deno.test("a version without notes is not released", () => {
  assertThrows(() => releaseNotes(CHANGELOG, "0.9.0"), Error, "Cannot find notes for 0.9.0");
});

Deno.test("the project's own changelog has notes for its version", async () => {
  const changelog = await Deno.readTextFile(new URL("../../../CHANGELOG.md", import.meta.url));
  assertMatch(releaseNotes(changelog, "0.1.0"), /^- /m);
});
