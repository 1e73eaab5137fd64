import { assertEquals } from "../../support/assert.ts";
import { isThere, type Page, pages, proseOf } from "./pages.ts";

/** The anchors that headings make, as GitHub names them. */
function anchorsOf({ text }: Page): Set<string> {
  const headings = [...text.matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = ""]) => heading);
  return new Set(
    headings.map((heading) =>
      heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\- _]/gu, "").replaceAll(" ", "-")
    ),
  );
}

/** What a page names and the project does not have. */
function broken(page: Page, all: ReadonlyMap<string, Page>): string[] {
  const folder = page.name.replace(/[^/]*$/, "");
  const links = [...proseOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => {
    if (/^https?:/.test(link)) return false;
    const [path = "", anchor] = link.split("#", 2);
    const target = path === "" ? page.name : new URL(path, `file:///${folder}`).pathname.slice(1);
    const found = all.get(target);
    if (found === undefined && !isThere(target)) return true;
    return anchor !== undefined && (found === undefined || !anchorsOf(found).has(anchor));
  });
}

Deno.test("links between pages lead somewhere, anchors included", () => {
  const all = new Map(pages().map((page) => [page.name, page]));
  const found = [...all.values()].flatMap((page) =>
    broken(page, all).map((link) => `${page.name}: ${link}`)
  );
  assertEquals(found, []);
});

Deno.test("a link that leads nowhere is found", () => {
  const page = { name: "docs/a.md", text: "# One two\n[x](#one-two) [y](#three) [z](b.md)\n" };
  assertEquals(broken(page, new Map([[page.name, page]])), ["#three", "b.md"]);
});

Deno.test("each page of docs is reached from the first page or from one that is", () => {
  const all = new Map(pages().map((page) => [page.name, page]));
  const reached = new Set(["README.md"]);
  for (const name of reached) {
    const page = all.get(name);
    if (page === undefined) continue;
    const folder = name.replace(/[^/]*$/, "");
    for (const [, link = ""] of proseOf(page).matchAll(/\]\(([^)#\s]+)/g)) {
      if (!/^https?:/.test(link)) reached.add(new URL(link, `file:///${folder}`).pathname.slice(1));
    }
  }
  const pagesOfDocs = [...all.keys()].filter((name) => name.startsWith("docs/"));
  assertEquals(pagesOfDocs.filter((name) => !reached.has(name)), []);
});

Deno.test("code in a sentence stays on its line, where it can be read and copied", () => {
  const torn = pages().flatMap(({ name, text }) =>
    text.replaceAll(/^```.*?^```$/gms, "").split("\n")
      .filter((line) => line.split("`").length % 2 === 0)
      .map((line) => `${name}: ${line}`)
  );
  assertEquals(torn, []);
});
