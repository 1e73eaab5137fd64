/** Whether an SSH server answers at an address. */
const GREETING = "SSH-";

/** Connects and reads the server's greeting; `false` for every failure and after `timeoutMs`. */
export async function connectionAnswers(
  host: string,
  port: number,
  timeoutMs: number,
): Promise<boolean> {
  const signal = AbortSignal.timeout(timeoutMs);
  let conn: Deno.Conn | undefined;
  const close = () => conn?.close();
  try {
    conn = await Deno.connect({ hostname: host, port, signal });
    signal.addEventListener("abort", close, { once: true });
    const buffer = new Uint8Array(GREETING.length);
    const count = await conn.read(buffer);
    return new TextDecoder().decode(buffer.subarray(0, count ?? 0)) === GREETING;
  } catch {
    // Nobody there, or nobody who answers in time: both are the answer "no".
    return false;
  } finally {
    signal.removeEventListener("abort", close);
    if (!signal.aborted) close();
  }
}
