/** A logger that keeps what it is told, for tests of what is said and how often. */
import type { Logger } from "../../lib/log.ts";

/** One line. */
export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

/** A logger and its lines. */
export function collectLog(): { log: Logger; lines: LogLine[] } {
  const lines: LogLine[] = [];
  const make = (own: Record<string, unknown>): Logger => {
    const add = (level: string) => (message: string, fields: Record<string, unknown> = {}) =>
      void lines.push({ level, message, fields: { ...own, ...fields } });
    return {
      trace: add("trace"),
      debug: add("debug"),
      info: add("info"),
      warn: add("warn"),
      error: add("error"),
      enabled: () => true,
      with: (fields) => make({ ...own, ...fields }),
    };
  };
  return { log: make({}), lines };
}
