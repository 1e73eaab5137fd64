/**
 * What can go wrong, as data: one error class whose `kind` decides the exit code and whose `hint`
 * tells the user what to do. Every error that reaches a user is one of these; anything else is a
 * defect of ours and is reported as `internal`.
 */

/** The exit code of the process for each kind of error; documented in `docs/configuration.md`. */
export const EXIT_CODES = {
  internal: 1,
  usage: 2,
  config: 2,
  listen: 3,
  unreachable: 4,
  authentication: 5,
  "host-key": 6,
  engine: 7,
  lost: 8,
  output: 9,
} as const;

/** See {@link EXIT_CODES}. */
export type ErrorKind = keyof typeof EXIT_CODES;

/** Extra facts about an {@link AgentError}. */
export interface AgentErrorOptions {
  /** The error beneath this one, shown only at debug level. */
  cause?: unknown;
  /** What the user can do about it: one imperative sentence, no final period. */
  hint?: string;
  /** In the place of the kind's exit code, for a command that has codes of its own. */
  exitCode?: number;
}

/** An error a user may see: `message` names the action and quotes the subject. */
export class AgentError extends Error {
  override readonly name = "AgentError";
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(kind: ErrorKind, message: string, options: AgentErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT_CODES[kind];
  }
}

/** Whether the connection to the remote host was lost, as far as an error tells. */
export function isLostError(error: unknown): boolean {
  return error instanceof AgentError && error.kind === "lost";
}

/** The exit code for any thrown value. */
export function exitCodeOf(error: unknown): number {
  return error instanceof AgentError ? error.exitCode : EXIT_CODES.internal;
}

/** One line for a user: the message and, if there is one, the hint. Never a stack. */
export function describeError(error: unknown): string {
  const message = messageOf(error);
  const hint = error instanceof AgentError ? error.hint : undefined;
  return hint === undefined ? message : `${message}; ${hint}`;
}

/** The message of any thrown value, on one line. */
export function messageOf(error: unknown): string {
  const text = error instanceof Error ? error.message || error.name : String(error);
  return text.replaceAll(/\s*[\r\n]+\s*/g, " ");
}

const CLOSED_NAMES = new Set(["BadResource", "Interrupted", "BrokenPipe", "AbortError"]);
const CLOSED_CODES = new Set([
  "EPIPE",
  "ECONNRESET",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_PREMATURE_CLOSE",
]);
const RESET_NAMES = new Set([
  "ConnectionReset",
  "ConnectionAborted",
  "NotConnected",
  "UnexpectedEof",
]);

/**
 * Whether an I/O error says no more than that one end is gone: what Deno and Node throw when a
 * stream is used while or after either side closes it.
 */
export function isClosedError(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return CLOSED_NAMES.has(error.name) || RESET_NAMES.has(error.name) ||
    CLOSED_CODES.has(errorCode(error));
}

/** The name of a failure of the system or of TLS, such as `EADDRINUSE`; empty where there is none. */
export function errorCode(error: unknown): string {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return typeof code === "string" ? code : "";
}
