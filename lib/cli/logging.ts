/** Sets up the log of a command: messages go to standard error. */
import { configureLogging, type LogFormat, type LogLevel } from "../log.ts";
import type { System } from "./system.ts";

/** `format`: text on a terminal and JSON otherwise, unless given. May be called again. */
export function logTo(system: System, level: LogLevel, format?: LogFormat): void {
  configureLogging({
    level,
    format: format ?? (system.isTerminal ? "text" : "json"),
    write: (line) => system.err(line + "\n"),
  });
}
