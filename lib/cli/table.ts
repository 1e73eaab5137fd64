/** Tables for people. Pure. */
import { oneLine } from "../log.ts";

/** Columns as wide as their widest cell; the first row is the heading. Names of others stay words. */
export function renderTable(texts: readonly (readonly string[])[]): string {
  const rows = texts.map((row) => row.map(oneLine));
  const widths = rows[0]?.map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0))
  );
  return rows.map((row) => {
    const cells = row.map((cell, column) => cell.padEnd(widths?.[column] ?? 0));
    return `${cells.join("   ").trimEnd()}\n`;
  }).join("");
}
