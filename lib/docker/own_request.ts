/**
 * The heads of what the agent itself asks the engine. They name no particular host, which an engine
 * does not mind; a gateway does, so a stream to one puts its name in.
 */
import type { Duplex } from "../net/duplex.ts";

const encoder = new TextEncoder();
const HOST = " HTTP/1.1\r\nHost: docker\r\n";
/** Begins what {@link ownRequest} makes, and nothing else that is written to an engine. */
const OWN_HEAD = /^[A-Z]+ \/\S* HTTP\/1\.1\r\nHost: docker\r\n/;
/** Bytes of a request line and the host; queries of ours are far shorter. */
const MAX_START_BYTES = 16 * 1024;

/** The head of a request; to be written in one piece. Fields come as `Name: value`. */
export function ownRequest(
  method: string,
  target: string,
  fields: readonly string[] = [],
): Uint8Array {
  return encoder.encode(
    `${method} ${target}${HOST}${fields.map((field) => `${field}\r\n`).join("")}\r\n`,
  );
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
  if (chunk.length > MAX_START_BYTES) return chunk;
  const text = new TextDecoder().decode(chunk);
  if (!OWN_HEAD.test(text)) return chunk;
  return encoder.encode(text.replace(HOST, () => ` HTTP/1.1\r\nHost: ${host}\r\n`));
}
