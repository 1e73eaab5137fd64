/** Draws lines of a terminal as an SVG picture; a line that begins with `$ ` was typed. Pure. */

const FONT_SIZE = 14;
const LINE_HEIGHT = 20;
const CHAR_WIDTH = 8.43;
const MARGIN = 18;
const BAR = 34;
const MAX_COLUMNS = 112;
const PROMPT = "$ ";

/** The picture; longer lines are cut. */
export function drawTerminal(lines: readonly string[]): string {
  const shown = lines.map((line) =>
    line.length > MAX_COLUMNS ? `${line.slice(0, MAX_COLUMNS - 1)}…` : line
  );
  const columns = Math.max(...shown.map(({ length }) => length));
  const width = Math.ceil(columns * CHAR_WIDTH + 2 * MARGIN);
  const height = BAR + shown.length * LINE_HEIGHT + MARGIN;
  const dots = ["#ff5f56", "#ffbd2e", "#27c93f"].map((colour, index) =>
    `<circle cx="${MARGIN + index * 18}" cy="17" r="6" fill="${colour}"/>`
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img">`,
    "<title>A tour of remote-docker-agent on a terminal</title>",
    `<rect width="${width}" height="${height}" rx="8" fill="#16181d"/>`,
    ...dots,
    `<g font-family="ui-monospace, Menlo, Consolas, monospace" font-size="${FONT_SIZE}" ` +
    'fill="#d6dae0">',
    ...shown.map(drawLine),
    "</g>",
    "</svg>",
  ].join("\n") + "\n";
}

function drawLine(line: string, index: number): string {
  const y = BAR + (index + 1) * LINE_HEIGHT - 4;
  const typed = line.startsWith(PROMPT);
  const text = typed
    ? `<tspan fill="#7ee787">${PROMPT}</tspan><tspan fill="#ffffff">${
      escape(line.slice(PROMPT.length))
    }</tspan>`
    : escape(line);
  return `<text x="${MARGIN}" y="${y}">${text}</text>`;
}

/** Spaces become those that do not break: SVG joins others, and not all viewers know how to be told. */
function escape(text: string): string {
  const markup = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return markup.replaceAll(" ", "\u00a0");
}
