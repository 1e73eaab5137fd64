/** The pages of the documentation, as the tests read them. */

const ROOT = new URL("../../..", import.meta.url).pathname;

/** A page; the name is relative to the project. */
export interface Page {
  readonly name: string;
  readonly text: string;
}

/** All of them: what is beside the source, and what is in `docs/`. */
export function pages(): Page[] {
  return ["", "docs/", "tests/rig/"].flatMap((folder) =>
    [...Deno.readDirSync(ROOT + folder)]
      .filter(({ name }) => name.endsWith(".md"))
      .map(({ name }) => `${folder}${name}`)
      .sort()
      .map((name) => ({ name, text: Deno.readTextFileSync(ROOT + name) }))
  );
}

/** Whether the project has such a file. */
export function isThere(name: string): boolean {
  try {
    Deno.statSync(ROOT + name);
    return true;
  } catch {
    return false;
  }
}

/** What stands in blocks of code; `languages` are those of the first line. */
export function codeOf({ text }: Page, languages: readonly string[]): string[] {
  return [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
    .filter(([, language = ""]) => languages.includes(language))
    .map(([, , code = ""]) => code);
}

/** The text without code, in which nothing is a link. */
export function proseOf({ text }: Page): string {
  return text.replaceAll(/^```.*?^```$/gms, "").replaceAll(/`[^`]*`/g, "");
}
