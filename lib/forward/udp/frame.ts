/** The frames of the UDP relay (see `script.ts`), encoded and decoded. Pure. */
import { concat } from "../../system/bytes.ts";

/** A frame without its length. */
export interface UdpFrame {
  readonly kind: "O" | "D" | "C" | "P";
  readonly id: number;
  readonly data: Uint8Array;
}

const HEAD = 7;
/** The length field counts kind and id as well. */
export const MAX_DATAGRAM = 65_535 - 5;

/** The bytes of a frame. `data` is at most {@link MAX_DATAGRAM} long. */
export function encodeFrame(kind: UdpFrame["kind"], id: number, data: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEAD + data.length);
  const view = new DataView(frame.buffer);
  view.setUint16(0, data.length + 5);
  view.setUint8(2, kind.charCodeAt(0));
  view.setUint32(3, id);
  frame.set(data, HEAD);
  return frame;
}

/** The data of an `O` frame. */
export function encodeTarget(host: string, port: number): Uint8Array {
  const name = new TextEncoder().encode(host);
  const data = new Uint8Array(2 + name.length);
  new DataView(data.buffer).setUint16(0, port);
  data.set(name, 2);
  return data;
}

/** Cuts a stream into frames; holds at most one incomplete frame. */
export class FrameReader {
  #rest: Uint8Array = new Uint8Array(0);

  /** The frames that are complete with `chunk`. Throws on a frame that no relay sends. */
  push(chunk: Uint8Array): UdpFrame[] {
    const bytes = this.#rest.length === 0 ? chunk : concat([this.#rest, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const frames: UdpFrame[] = [];
    let at = 0;
    while (bytes.length - at >= HEAD) {
      const end = at + 2 + view.getUint16(at);
      const kind = String.fromCharCode(view.getUint8(at + 2));
      if (kind !== "D" || end < at + HEAD) throw new Error("The UDP relay sent garbage");
      if (end > bytes.length) break;
      frames.push({ kind, id: view.getUint32(at + 3), data: bytes.slice(at + HEAD, end) });
      at = end;
    }
    this.#rest = bytes.slice(at);
    return frames;
  }
}
