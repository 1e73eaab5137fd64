/**
 * Makes a file equal to one on the other side by sending what differs: the `rsync` of this machine talks to
 * the one over there, on our connection. In the place of ssh it gets a shell that passes its stream on
 * to us, after a line that says what it wants to have run.
 */
import { posixCommand, shellQuote } from "../../transport/posix_shell.ts";
import type { Shell } from "../../transport/transport.ts";
import { basename, dirname } from "node:path";
import { ByteReader } from "../byte_reader.ts";

/** Runs as rsync's remote shell; 3 and 4 are our ends. It ends when the remote side does, as ssh does. */
const REMOTE_SHELL = `sh -c 'echo "$*" >&4; exec 5<&0; cat <&5 >&4 & cat <&3; kill $! 2>/dev/null'`;
/** Standard input and output are ours; rsync itself has none. */
const WRAPPER = 'exec 3<&0 4>&1; exec rsync "$@" </dev/null >/dev/null 2>/dev/null';
const MAX_COMMAND_BYTES = 4096;

/** What is to be made equal: a local file, and one of the remote host. */
export interface RsyncJob {
  /** Absolute path. */
  readonly local: string;
  /** Absolute directory, and a plain name in it. */
  readonly directory: string;
  readonly name: string;
  readonly onBytes?: (count: number) => void;
  readonly signal?: AbortSignal | undefined;
}

// Ignoring times: the same size and time may be a coincidence.
const OPTIONS = ["-tI", "--no-whole-file", "--partial", "--blocking-io", `--rsh=${REMOTE_SHELL}`];

/**
 * Makes the remote file what the local one is; what is there serves as the basis. Returns whether it
 * went well; whatever stands in the way (no rsync here, an error there) is a no. What has arrived
 * before a cut stays. Throws only what the connection throws.
 */
export async function sendByRsync(shell: Shell, job: RsyncJob): Promise<boolean> {
  const args = ["--sparse", "--", `./${basename(job.local)}`, `there:${job.name}`];
  return await runRsync(shell, args, job);
}

/** The other way round; the local file is written in place, and the remote one may be a link. */
export async function fetchByRsync(shell: Shell, job: RsyncJob): Promise<boolean> {
  const args = ["-L", "--inplace", "--", `there:${job.name}`, `./${basename(job.local)}`];
  return await runRsync(shell, args, job);
}

async function runRsync(shell: Shell, args: string[], job: RsyncJob): Promise<boolean> {
  const { local, directory, signal } = job;
  let child: Deno.ChildProcess;
  try {
    child = new Deno.Command("sh", {
      args: ["-c", WRAPPER, "sh", ...OPTIONS, ...args],
      cwd: dirname(local),
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      ...(signal && { signal }),
    }).spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
  const reader = child.stdout.getReader();
  try {
    const up = new ByteReader({ read: async () => (await reader.read()).value ?? null });
    const command = await firstLine(up);
    if (command?.startsWith("rsync --server ") !== true) return false;
    await carry(shell, `cd ${shellQuote(directory)} && exec ${command}`, child.stdin, up, job);
    return (await child.status).success;
  } finally {
    await reader.cancel().catch(() => {}); // it has ended
    await child.stdin.close().catch(() => {}); // closed already
    await child.status;
  }
}

/** Joins the two rsyncs until the remote one has ended. */
async function carry(
  shell: Shell,
  command: string,
  down: WritableStream<Uint8Array>,
  up: ByteReader,
  { onBytes, signal }: RsyncJob,
): Promise<void> {
  const { stdio, exit } = await shell.spawn(posixCommand(command), { ...(signal && { signal }) });
  const writer = down.getWriter();
  const toHere = async () => {
    for (let chunk = await stdio.read(); chunk !== null; chunk = await stdio.read()) {
      onBytes?.(chunk.length);
      // An rsync that has ended says with its status how that went.
      await writer.write(new Uint8Array(chunk)).catch(() => {});
    }
  };
  const toThere = async () => {
    for (;;) {
      const chunk = await up.some(Number.MAX_SAFE_INTEGER);
      if (chunk === null) break;
      await stdio.write(chunk);
    }
    await stdio.closeWrite();
  };
  const sending = toThere();
  sending.catch(() => {}); // awaited below
  try {
    await toHere();
  } finally {
    // With this the remote shell ends, and rsync after it.
    await writer.close().catch(() => {});
    await Promise.allSettled([sending]);
    stdio.close();
  }
  await exit;
}

async function firstLine(from: ByteReader): Promise<string | undefined> {
  const bytes: number[] = [];
  while (bytes.length < MAX_COMMAND_BYTES) {
    const [byte] = await from.some(1) ?? [];
    if (byte === undefined) return undefined;
    if (byte === 10) return new TextDecoder().decode(Uint8Array.from(bytes));
    bytes.push(byte);
  }
  return undefined;
}
