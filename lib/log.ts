/**
 * Levelled, scoped, structured logging: one line of text on a terminal, one JSON object per line
 * for machines. The rest of the program sees only {@link Logger}; the library behind it is named
 * here and nowhere else.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import {
  configureSync,
  getConsoleSink,
  getLogger,
  type LogRecord,
  withContext,
} from "@logtape/logtape";

/** From most to least talkative. */
export const LOG_LEVELS = ["trace", "debug", "info", "warn", "error"] as const;
export type LogLevel = typeof LOG_LEVELS[number];
export const LOG_FORMATS = ["text", "json"] as const;
export type LogFormat = typeof LOG_FORMATS[number];

/** Named values that go with a message; never put a secret in one. */
export type Fields = Record<string, unknown>;

/** Writes lines of one scope. Cheap to make; `enabled` lets callers skip building fields. */
export interface Logger {
  trace(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  enabled(level: LogLevel): boolean;
  /** The same scope with fields added to every line, such as a connection id. */
  with(fields: Fields): Logger;
}

/** How logging is set up; called once by the command line, and by tests. */
export interface LogOptions {
  level: LogLevel;
  format: LogFormat;
  /** Takes finished lines, without the newline. Default: standard error. */
  write?: (line: string) => void;
}

const ROOT = "rda";
const LIBRARY_LEVEL = {
  trace: "trace",
  debug: "debug",
  info: "info",
  warn: "warning",
  error: "error",
} as const;
const CONTEXT = new AsyncLocalStorage<Record<string, unknown>>();
const encoder = new TextEncoder();
const DECEPTIVE = /[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** Sets level, format and destination for the whole process. May be called again. */
export function configureLogging(options: LogOptions): void {
  const format = options.format === "json" ? formatJson : formatText;
  const write = options.write ?? writeStderr;
  configureSync({
    reset: true,
    contextLocalStorage: CONTEXT,
    sinks: { lines: (record: LogRecord) => write(format(record)), meta: getConsoleSink() },
    loggers: [
      { category: [ROOT], sinks: ["lines"], lowestLevel: LIBRARY_LEVEL[options.level] },
      { category: ["logtape", "meta"], sinks: ["meta"], lowestLevel: "error" },
    ],
  });
}

/** The logger of a scope, such as `"ssh"` or `"proxy"`. */
export function logger(scope: string): Logger {
  return wrap(getLogger([ROOT, scope]));
}

/**
 * Runs `body` so that every line written by it, and by all that it calls and awaits, carries
 * `fields`: how the lines of the lower rooms tell which connection they are about.
 */
export function inContext<T>(fields: Fields, body: () => T): T {
  return withContext(fields, body);
}

function wrap(inner: ReturnType<typeof getLogger>): Logger {
  return {
    trace: (message, fields) => inner.trace(escape(message), fields),
    debug: (message, fields) => inner.debug(escape(message), fields),
    info: (message, fields) => inner.info(escape(message), fields),
    warn: (message, fields) => inner.warn(escape(message), fields),
    error: (message, fields) => inner.error(escape(message), fields),
    enabled: (level) => inner.isEnabledFor(LIBRARY_LEVEL[level]),
    with: (fields) => wrap(inner.with(fields)),
  };
}

/** The library reads `{name}` in a message as a placeholder; our messages are plain text. */
function escape(message: string): string {
  return message.replaceAll("{", "{{").replaceAll("}", "}}");
}

function formatText(record: LogRecord): string {
  const time = new Date(record.timestamp).toISOString();
  const level = ourLevel(record).toUpperCase().padEnd(5);
  const fields = Object.entries(record.properties).map(([k, v]) => ` ${k}=${textValue(v)}`).join(
    "",
  );
  return `${time} ${level} ${record.category.slice(1).join(".")}: ${
    oneLine(textOf(record))
  }${fields}`;
}

function formatJson(record: LogRecord): string {
  return oneLine(JSON.stringify({
    time: new Date(record.timestamp).toISOString(),
    level: ourLevel(record),
    scope: record.category.slice(1).join("."),
    message: textOf(record),
    ...record.properties,
  }));
}

function textOf(record: LogRecord): string {
  return record.message.join("");
}

function ourLevel(record: LogRecord): string {
  return record.level === "warning" ? "warn" : record.level;
}

function textValue(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value) ?? "undefined";
  return oneLine(/^[^\s"=\p{Cc}]+$/u.test(text) ? text : JSON.stringify(text));
}

/**
 * A line for people is one line, and says what it seems to say, whatever a peer put into it: without control
 * characters, among them those that a terminal obeys, and without those that turn the direction of
 * writing. As JSON writes them, so that a line of JSON stays one.
 */
export function oneLine(text: string): string {
  return text.replaceAll(DECEPTIVE, (found) => {
    const quoted = JSON.stringify(found).slice(1, -1);
    return quoted === found ? `\\u${found.charCodeAt(0).toString(16).padStart(4, "0")}` : quoted;
  });
}

function writeStderr(line: string): void {
  const bytes = encoder.encode(line + "\n");
  try {
    for (let at = 0; at < bytes.length;) at += Deno.stderr.writeSync(bytes.subarray(at));
  } catch {
    // Nowhere left to say it: the reader of our standard error has gone away.
  }
}
