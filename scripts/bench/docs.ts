/** Keeps the table of the last complete run in `docs/performance.md`, between two marks. */

const DOCS = new URL("../../docs/performance.md", import.meta.url);
const BEGIN = "<!-- bench: begin -->";
const END = "<!-- bench: end -->";

/** Puts `section` between the marks of `text`; throws when they are missing. */
export function replaceSection(text: string, section: string): string {
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`Cannot find "${BEGIN}" and "${END}"`);
  return `${text.slice(0, begin)}${BEGIN}\n\n${section}\n\n${text.slice(end)}`;
}

/** Writes the report into the document; returns the document's path. */
export async function updateDocs(report: string): Promise<string> {
  await Deno.writeTextFile(DOCS, replaceSection(await Deno.readTextFile(DOCS), report));
  return DOCS.pathname;
}
