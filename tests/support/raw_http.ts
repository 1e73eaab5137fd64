/**
 * HTTP written by hand over a Unix socket, for what a docker CLI does not let a test see: the
 * status, the raw head, connections kept open.
 */

/** A response, read until its declared end. */
export interface RawResponse {
  status: number;
  /** The whole head, with its status line. */
  head: string;
  body: string;
}

/**
 * Sends one request (`line` is method and target) on a connection of its own and reads the answer
 * until the peer closes. Throws when no answer comes within `timeoutMs`.
 */
export async function request(
  socket: string,
  line: string,
  options: { timeoutMs?: number; headers?: string[]; body?: string } = {},
): Promise<RawResponse> {
  const { timeoutMs = 60_000, headers = [], body = "" } = options;
  const conn = await Deno.connect({ transport: "unix", path: socket });
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    conn.close();
  }, timeoutMs);
  try {
    const length = body === "" ? [] : [`Content-Length: ${new TextEncoder().encode(body).length}`];
    const head = [`${line} HTTP/1.1`, "Host: docker", "Connection: close", ...length, ...headers];
    await writeAll(conn, new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n${body}`));
    return parse(await readAll(conn));
  } catch (error) {
    if (!late) throw error;
    throw new Error(`"${line}" is not answered within ${timeoutMs} ms`);
  } finally {
    clearTimeout(timer);
    if (!late) conn.close();
  }
}

/** Writes all of it. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(65_536);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

function parse(text: string): RawResponse {
  const end = text.indexOf("\r\n\r\n");
  const status = Number(text.match(/^HTTP\/1\.\d (\d{3})/)?.[1]);
  if (end < 0 || Number.isNaN(status)) throw new Error(`Not an HTTP response: "${text}"`);
  const head = text.slice(0, end);
  const body = text.slice(end + 4);
  return {
    status,
    head,
    body: /\r\nTransfer-Encoding: chunked/i.test(head) ? dechunk(body) : body,
  };
}

function dechunk(text: string): string {
  let out = "";
  for (let at = 0;;) {
    const line = text.indexOf("\r\n", at);
    const size = parseInt(text.slice(at, line), 16);
    if (line < 0 || !(size > 0)) return out;
    out += text.slice(line + 2, line + 2 + size);
    at = line + 2 + size + 2;
  }
}
