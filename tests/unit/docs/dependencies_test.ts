import metadata from "../../../deno.json" with { type: "json" };
import { assertEquals } from "../../support/assert.ts";
import { isThere, pages } from "./pages.ts";

const PAGE = pages().find(({ name }) => name === "docs/dependencies.md")?.text ?? "";

Deno.test("the page on libraries names each one, and no other", () => {
  const isNamed = (name: string) => PAGE.includes(`\`${name.replace(/^@std\/.*/, "@std/…")}\``);
  const libraries = Object.keys(metadata.imports);
  assertEquals(libraries.filter((name) => !isNamed(name)), []);
  const rows = [...PAGE.matchAll(/^\| `([^`]+)`/gm)].map(([, name = ""]) => name.replace("…", ""));
  assertEquals(rows.filter((row) => !libraries.some((name) => name.startsWith(row))), []);
});

Deno.test("the page on libraries names files that there are", () => {
  const files = [...PAGE.matchAll(/`((?:lib|tests)\/[^`]+)`/g)].map(([, file = ""]) => file);
  assertEquals(files.filter((file) => !isThere(file)), []);
});
