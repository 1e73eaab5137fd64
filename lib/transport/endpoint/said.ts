/** What a server says in the body of a refusal, for people. Pure. */

/** Enough for a sentence; a page of a proxy on the way is not shown whole. */
const MAX_CHARS = 300;

/** The `message` of an answer in the engine's form, or else its first words, on one line. */
export function said(body: string): string {
  const text = messageIn(body) ?? body.replaceAll(/<[^>]*>/g, " ");
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\s\u0000-\u001f\u007f-\u009f]+/g, " ").trim().slice(0, MAX_CHARS);
}

function messageIn(body: string): string | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (typeof value !== "object" || value === null || !("message" in value)) return undefined;
    return typeof value.message === "string" ? value.message : undefined;
  } catch {
    // Not JSON, such as the page of a proxy on the way.
    return undefined;
  }
}
