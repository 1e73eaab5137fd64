/** A command that runs: what the two kinds (`on_pipes.ts`, `on_terminal.ts`) have in common. */
import { messageOf } from "../../errors.ts";
import type { ExitReport, TerminalSize } from "../../transport/guest/exec_frames.ts";
import type { ReplyError } from "../../docker/error_reply.ts";
import { refuse } from "../reply.ts";

/** One output; `null` at its end. */
export interface Output {
  readonly kind: "stdout" | "stderr";
  read(): Promise<Uint8Array | null>;
}

/** See the file comment. Whoever started it ends its session and then calls `close`. */
export interface Spawned {
  /** Its process, which leads a session of its own. */
  readonly pid: number;
  readonly outputs: readonly Output[];
  /** Never rejects. */
  readonly exit: Promise<ExitReport>;
  /** Outputs end soon after the command does, although others may hold them open. */
  readonly endsWithLeader: boolean;
  /** Settles when it has taken the bytes; rejects when it takes no more. */
  write(chunk: Uint8Array): Promise<void>;
  /** Ends its input. Never rejects. */
  endInput(): Promise<void>;
  resize(size: TerminalSize): void;
  /** Frees what it holds here; its outputs end. Never rejects. */
  close(): Promise<void>;
}

/** How a process ended. */
export function reportOf({ code, signal }: Deno.CommandStatus): ExitReport {
  return signal === null ? { code } : { signal };
}

/** The answer for a command that the system would not start although it is there. */
export function cannotStart(command: string, error: unknown): ReplyError {
  const quoted = JSON.stringify(command);
  if (error instanceof Deno.errors.NotFound) {
    return refuse(404, `exec: ${quoted}: no such file or directory`, error);
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return refuse(403, `exec: ${quoted}: permission denied`, error);
  }
  return refuse(400, `exec: ${quoted}: ${messageOf(error)}`, error);
}
