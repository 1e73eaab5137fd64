/** Reads the JUnit report that `deno test --junit-path` writes, as far as a summary needs it. */

/** What one report says. Test steps count as tests of their own. */
export interface Summary {
  passed: number;
  failed: string[];
  skipped: string[];
}

const CASE = /<testcase name="([^"]*)"[^>]*?(?:\/>|>([\s\S]*?)<\/testcase>)/g;

/** Sorts the test cases of a report by their outcome. */
export function summarize(xml: string): Summary {
  const summary: Summary = { passed: 0, failed: [], skipped: [] };
  for (const [, name = "", inside = ""] of xml.matchAll(CASE)) {
    if (/<(failure|error)\b/.test(inside)) summary.failed.push(unescape(name));
    else if (inside.includes("<skipped")) summary.skipped.push(unescape(name));
    else summary.passed++;
  }
  return summary;
}

const ENTITIES: Record<string, string> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescape(text: string): string {
  return text
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCodePoint(Number(code)))
    .replaceAll(/&(\w+);/g, (whole, name: string) => ENTITIES[name] ?? whole);
}
