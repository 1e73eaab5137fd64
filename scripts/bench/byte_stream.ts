/**
 * The byte streams the bench talks over: a Unix socket, a TCP port of this machine, or the standard streams of a process. They
 * are deliberately not the program's own `Duplex`: what measures must not share code, and so
 * faults, with what is measured. Whoever dials a stream closes it.
 */

/** A two-way stream; one read and one write at a time. */
export interface ByteStream {
  /** Fills the front of `into`; `null` at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Writes all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
  /** Frees the stream and settles once that is done. Idempotent, never rejects. */
  close(): Promise<void>;
}

/** Opens a Unix socket. Throws what `Deno.connect` throws. */
export async function dialUnix(path: string): Promise<ByteStream> {
  return byteStream(await Deno.connect({ transport: "unix", path }));
}

/** Opens a TCP port of 127.0.0.1, without Nagle's delay. Throws what `Deno.connect` throws. */
export async function dialTcp(port: number): Promise<ByteStream> {
  const conn = await Deno.connect({ hostname: "127.0.0.1", port });
  conn.setNoDelay(true);
  return byteStream(conn);
}

function byteStream(conn: Deno.Conn): ByteStream {
  let open = true;
  return {
    read: (into) => conn.read(into),
    async write(bytes) {
      for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
    },
    close() {
      if (open) conn.close();
      open = false;
      return Promise.resolve();
    },
  };
}

/** Starts a command whose standard input and output are the stream; its standard error is dropped. */
export function dialCommand(
  command: string,
  args: readonly string[],
  env: Record<string, string>,
): ByteStream {
  const child = new Deno.Command(command, {
    args: [...args],
    env,
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  let rest: Uint8Array = new Uint8Array(0);
  let closing: Promise<void> | undefined;
  return {
    async read(into) {
      while (rest.length === 0) {
        const { value, done } = await reader.read();
        if (done) return null;
        rest = value;
      }
      const count = Math.min(rest.length, into.length);
      into.set(rest.subarray(0, count));
      rest = rest.subarray(count);
      return count;
    },
    write: (bytes) => writer.write(bytes),
    close: () => closing ??= endCommand(child, reader, writer),
  };
}

async function endCommand(
  child: Deno.ChildProcess,
  reader: ReadableStreamDefaultReader<Uint8Array>,
  writer: WritableStreamDefaultWriter<Uint8Array>,
): Promise<void> {
  // The process may have ended already, and then any of these three finds nothing left to end.
  try {
    child.kill("SIGTERM");
  } catch { /* It is gone. */ }
  await writer.abort().catch(() => {});
  await reader.cancel().catch(() => {});
  await child.status;
}
