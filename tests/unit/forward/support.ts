/** A manager whose remote host is this machine: streams are plain TCP connections on loopback. */
import { ForwardingManager, type ForwardingOptions } from "../../../lib/forward/manager.ts";
import { denoConnDuplex } from "../../../lib/net/deno_conn.ts";
import type { Target } from "../../../lib/transport/transport.ts";
import type { RequestedBinding } from "../../../lib/forward/binding.ts";

export const LOOPBACK = "127.0.0.1";

/** Opens what a transport would open on the remote host. */
export async function dial(target: Target) {
  if (target.kind !== "tcp") throw new Error("Only TCP is dialled here");
  return denoConnDuplex(await Deno.connect({ hostname: target.host, port: target.port }));
}

/** A manager that the test closes by `await using`. */
export function testManager(options: Partial<ForwardingOptions> = {}) {
  const manager = new ForwardingManager({ open: dial, ...options });
  return Object.assign(manager, { [Symbol.asyncDispose]: () => manager.close() });
}

/** A binding of container port 80 over TCP, with changes. */
export function binding(change: Partial<RequestedBinding> = {}): RequestedBinding {
  return { containerPort: 80, protocol: "tcp", hostIp: LOOPBACK, hostPort: "", ...change };
}

/** A server on loopback whose every connection is given to `serve`, which is waited for at the end. */
export function server(serve: (conn: Deno.TcpConn) => Promise<void>) {
  const listener = Deno.listen({ hostname: LOOPBACK, port: 0 });
  const running: Promise<void>[] = [];
  const loop = (async () => {
    for await (const conn of listener) {
      running.push(
        serve(conn).catch(() => {}).finally(() => {
          try {
            conn.close();
          } catch {
            // closed by `serve` itself
          }
        }),
      );
    }
  })();
  return {
    host: LOOPBACK,
    port: listener.addr.port,
    async [Symbol.asyncDispose]() {
      listener.close();
      await loop;
      await Promise.all(running);
    },
  };
}

/** Everything until the peer ends its direction. */
export async function readAll(conn: Deno.Conn): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(64 * 1024);
  let text = "";
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return text + decoder.decode();
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
}

/** Writes all of `text`. */
export async function writeText(conn: Deno.Conn, text: string): Promise<void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

/** Reads to the end, then answers with what it read and how it ended. */
export async function answerAfterEnd(conn: Deno.TcpConn): Promise<void> {
  const text = await readAll(conn);
  await writeText(conn, `got ${text}`);
  await conn.closeWrite();
}
