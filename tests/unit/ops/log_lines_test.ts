import { configureLogging, logger } from "../../../lib/log.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("a line says what it seems to say, whatever a peer has put into it", () => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line);
  // What clears a screen, in one byte and in two; an end of line; what turns the writing around.
  const name = "\u001b[2J\u009b2J\u007f\u2028\u202e";
  for (const format of ["text", "json"] as const) {
    configureLogging({ level: "info", format, write });
    logger("x").info(`Refused ${name}`, { claims: name, many: [name], plain: "a/b:é→字" });
  }
  configureLogging({ level: "error", format: "text", write: () => {} });
  for (const line of lines) {
    assertEquals(line.match(/[\p{Cc}\u2028\u202e]/gu), null, line);
    assertEquals(line.includes("a/b:é→字"), true, line);
  }
  const shown = "\\u001b[2J\\u009b2J\\u007f\\u2028\\u202e";
  const refused = `INFO  x: Refused ${shown} claims="${shown}" `;
  assertEquals(lines[0]?.slice(25).startsWith(refused), true, lines[0]);
  const { message, claims, many } = JSON.parse(lines[1] ?? "");
  assertEquals([message, claims, many], [`Refused ${name}`, name, [name]]);
});
