/** Sets up the log of a command: messages go to standard error, or to a file. */
import { describeError } from "../errors.ts";
import { configureLogging, type LogFormat, logger, type LogLevel } from "../log.ts";
import type { System } from "./system.ts";

/**
 * `format`: text on a terminal and in a `file`, JSON otherwise, unless given. May be called again. Throws
 * `AgentError` where the file cannot be written.
 */
export function logTo(system: System, level: LogLevel, format?: LogFormat, file?: string): void {
  const log = file === undefined ? undefined : system.openLog(file);
  configureLogging({
    level,
    format: format ?? (system.isTerminal || file !== undefined ? "text" : "json"),
    write(line) {
      try {
        if (log !== undefined) return log.write(line);
      } catch {
        // No room, or no right to it any more: then as if there were no file.
      }
      system.err(line + "\n");
    },
  });
}

/** Has what ends a command stand in its log file too: nobody may see the standard error of a service. */
export async function noting<T>(file: string | undefined, command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    if (file !== undefined) logger("cli").error(describeError(error));
    throw error;
  }
}
