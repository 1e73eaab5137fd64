/** Renders tables that read well in a terminal and are formatted Markdown at the same time. */

/** A table with a header row; the first column is aligned left, all others right. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) =>
    Math.max(3, ...all.map((cells) => width(cells[column] ?? "")))
  );
  const line = (cells: readonly string[]) =>
    `| ${widths.map((size, column) => pad(cells[column] ?? "", size, column > 0)).join(" | ")} |`;
  const rule = widths.map((size, column) =>
    column === 0 ? "-".repeat(size) : `${"-".repeat(size - 1)}:`
  );
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}

/** A figure with three significant digits, or all digits before the point if there are more. */
export function figure(value: number): string {
  if (value === 0) return "0";
  const digits = 2 - Math.floor(Math.log10(Math.abs(value)));
  return value.toFixed(Math.min(Math.max(digits, 0), 3));
}

/** A ratio, such as `0.45×`. */
export function ratio(value: number): string {
  const digits = value < 0.1 ? 3 : value < 10 ? 2 : value < 100 ? 1 : 0;
  return `${value.toFixed(digits)}×`;
}

/** The tables hold no wide or combining characters, so a code point is a column. */
function width(text: string): number {
  return [...text].length;
}

function pad(text: string, size: number, right: boolean): string {
  const space = " ".repeat(size - width(text));
  return right ? space + text : text + space;
}
