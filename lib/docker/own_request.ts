/**
 * The heads of what the agent itself asks the engine. They name no particular host, which an engine
 * does not mind; a gateway does, so a stream to one puts its name in.
 */
import type { Duplex } from "../net/duplex.ts";

const encoder = new TextEncoder();
const END = " HTTP/1.1\r\nHost: docker\r\n\r\n";

/** A request without a body; to be written in one piece. */
export function ownRequest(method: string, target: string): Uint8Array {
  return encoder.encode(`${method} ${target}${END}`);
}

/** The same stream, on which each {@link ownRequest} carries `host`. */
export function withHost(duplex: Duplex, host: string): Duplex {
  return {
    read: () => duplex.read(),
    write: (chunk) => duplex.write(hosted(chunk, host)),
    closeWrite: () => duplex.closeWrite(),
    close: () => duplex.close(),
    closed: duplex.closed,
  };
}

function hosted(chunk: Uint8Array, host: string): Uint8Array {
  const text = new TextDecoder().decode(chunk);
  if (!text.endsWith(END)) return chunk;
  return encoder.encode(`${text.slice(0, -END.length)} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
}
