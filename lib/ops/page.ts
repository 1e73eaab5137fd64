/**
 * The status page: one file that needs nothing else. Its policy lets the browser run the script and
 * the style that are in it, by their hashes, ask this server, and nothing besides (CSP Level 3).
 */
import { createHash } from "node:crypto";
import type { Reply } from "./http.ts";
import html from "./page.html" with { type: "text" };

/** The page as an answer. */
export function pageReply(): Reply {
  return {
    status: 200,
    type: "text/html; charset=utf-8",
    body: html,
    headers: { "Content-Security-Policy": policyOf(html) },
  };
}

/** See the file comment. */
function policyOf(page: string): string {
  return [
    "default-src 'none'",
    `script-src ${hashOf(page, "script")}`,
    `style-src ${hashOf(page, "style")}`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
}

function hashOf(page: string, element: string): string {
  const text = new RegExp(`<${element}>([^]*?)</${element}>`).exec(page)?.[1] ?? "";
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}
