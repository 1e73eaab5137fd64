/** A forwarded TCP port: a large file over one connection, smaller ones over 50 at a time. */
import { dialTcp } from "../byte_stream.ts";
import type { Forwards } from "../peers/forwards.ts";
import { MANY_FILE, MANY_FILE_BYTES, WEB_FILE, WEB_FILE_BYTES } from "../stage.ts";
import type { Measurement } from "./measurement.ts";

const PARALLEL = 50;
const MEGABYTE = 1_000_000;
const BUFFER_BYTES = 256 * 1024;

/** See the file comment. */
export const forward: Measurement = {
  id: "forward",
  rows: [
    { id: "forward-bulk", title: "forwarded port, one connection", unit: "MB/s" },
    { id: "forward-parallel", title: `forwarded port, ${PARALLEL} connections`, unit: "MB/s" },
  ],
  rounds: { full: 3, quick: 1 },
  peers: ["agent", "ssh-l"],
  async measure({ forwards }) {
    if (forwards === undefined) throw new Error("The peer forwards no ports");
    const many = Array.from({ length: PARALLEL }, () => MANY_FILE);
    return {
      "forward-bulk": [await rate(forwards, [WEB_FILE], WEB_FILE_BYTES)],
      "forward-parallel": [await rate(forwards, many, PARALLEL * MANY_FILE_BYTES)],
    };
  },
};

async function rate({ web }: Forwards, files: string[], bytes: number): Promise<number> {
  const start = performance.now();
  const sizes = await Promise.all(files.map((file) => fetchSize(web, file)));
  const seconds = (performance.now() - start) / 1000;
  const size = sizes.reduce((sum, each) => sum + each, 0);
  if (size < bytes) throw new Error(`Only ${size} of ${bytes} bytes came through`);
  return bytes / MEGABYTE / seconds;
}

/** Reads the whole answer, head included, to the end of the connection. */
async function fetchSize(port: number, file: string): Promise<number> {
  const stream = await dialTcp(port);
  try {
    await stream.write(new TextEncoder().encode(`GET ${file} HTTP/1.0\r\n\r\n`));
    const buffer = new Uint8Array(BUFFER_BYTES);
    let size = 0;
    for (let count = await stream.read(buffer); count !== null; count = await stream.read(buffer)) {
      size += count;
    }
    return size;
  } finally {
    await stream.close();
  }
}
