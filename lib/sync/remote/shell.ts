/**
 * Scripts on the remote host, as synchronisation needs them: input and output are streams, and a
 * failure is told apart by what it means. Owns the process of each call until the call settles.
 */
import { AgentError, isClosedError } from "../../errors.ts";
import type { Duplex } from "../../net/duplex.ts";
import { posixCommand } from "../../transport/posix_shell.ts";
import type { Shell } from "../../transport/transport.ts";
import { ByteReader } from "../byte_reader.ts";

const MAX_STDERR_LINES = 20;

/** The remote root is not there. */
export const EXIT_NO_ROOT = 66;

/** What a script reads and what becomes of its output. */
export interface ScriptIo<T> {
  /** Writes the input; it is ended afterwards. Default: no input. */
  readonly send?: (to: Duplex) => Promise<void>;
  /** Reads the output; what it leaves unread is dropped. */
  readonly receive: (from: ByteReader) => Promise<T>;
  readonly signal?: AbortSignal;
}

/** How a script ended. */
export interface ScriptResult<T> {
  readonly code: number;
  /** Absent when `receive` failed, which a script that fails may well cause. */
  readonly value: T | undefined;
  readonly stderr: readonly string[];
}

/**
 * Runs a script for the POSIX shell. Throws `AgentError` of kind `lost` if it was cut off, or what
 * `send` or `receive` threw although the script itself ended well.
 */
export async function runScript<T>(
  shell: Shell,
  script: string,
  io: ScriptIo<T>,
): Promise<ScriptResult<T>> {
  const stderr: string[] = [];
  const process = await shell.spawn(posixCommand(script), {
    ...(io.signal && { signal: io.signal }),
    onStderr: (line) => {
      if (stderr.length < MAX_STDERR_LINES) stderr.push(line);
    },
  });
  const { stdio } = process;
  try {
    const [sent, received] = await Promise.allSettled([
      feed(stdio, io.send),
      drained(stdio, io.receive),
    ]);
    const code = await process.exit;
    io.signal?.throwIfAborted();
    // A script that gives up closes its input; our own errors while writing are another matter.
    if (sent.status === "rejected" && !isClosedError(sent.reason)) throw sent.reason;
    if (code === null) throw cutOff();
    if (code === 0) {
      if (received.status === "rejected") throw received.reason;
      if (sent.status === "rejected") throw sent.reason;
    }
    return { code, stderr, value: received.status === "fulfilled" ? received.value : undefined };
  } finally {
    stdio.close();
  }
}

async function feed(stdio: Duplex, send: ScriptIo<unknown>["send"]): Promise<void> {
  try {
    await send?.(stdio);
  } catch (error) {
    // The script must see a broken input, not a short one that looks whole.
    stdio.close();
    throw error;
  }
  await stdio.closeWrite();
}

async function drained<T>(stdio: Duplex, receive: ScriptIo<T>["receive"]): Promise<T> {
  const reader = new ByteReader(stdio);
  try {
    return await receive(reader);
  } finally {
    // A script blocked on output that nobody reads would never end.
    await reader.drain();
  }
}

function cutOff(): AgentError {
  return new AgentError("lost", "The connection was lost while files were synced");
}

/** Runs a script that only says something; throws like {@link runScript}. */
export async function askScript(
  shell: Shell,
  script: string,
  signal?: AbortSignal,
): Promise<ScriptResult<string>> {
  return await runScript(shell, script, {
    receive: async (from) => new TextDecoder().decode(await from.all()),
    ...(signal && { signal }),
  });
}

/** The error for a script that failed; recognises a full disk. `action` is like "copy to". */
export function scriptError(
  action: string,
  result: { code: number; stderr: readonly string[] },
): AgentError {
  const said = result.stderr.join("; ") || `exit status ${result.code}`;
  if (/No space left|quota exceeded/i.test(said)) {
    return new AgentError("engine", `Cannot ${action} the remote host: its disk is full`, {
      hint: "free some space there; nothing was changed on this machine",
    });
  }
  return new AgentError("engine", `Cannot ${action} the remote host: ${said}`);
}
