/**
 * A forwarded TCP port: the echo of a few bytes on an open connection, and the first echo of a new one.
 * Which core a process is on moves such short times more than anything else, so there are many rounds.
 */
import { type ByteStream, dialTcp } from "../byte_stream.ts";
import type { Forwards } from "../peers/forwards.ts";
import type { Measurement } from "./measurement.ts";
import { sampleTimes } from "./sampling.ts";

const ECHO_LIMITS = { samples: 300, milliseconds: 400 };
const OPEN_LIMITS = { samples: 30, milliseconds: 400 };
const MESSAGE = new TextEncoder().encode("0123456789abcdef");

/** See the file comment. */
export const forwardLatency: Measurement = {
  id: "forward-latency",
  rows: [
    { id: "forward-echo", title: "forwarded port, round trip", unit: "ms" },
    { id: "forward-open", title: "forwarded port, new connection and round trip", unit: "ms" },
  ],
  rounds: { full: 20, quick: 5 },
  peers: ["agent", "ssh-l"],
  async measure({ forwards }, { signal }) {
    if (forwards === undefined) throw new Error("The peer forwards no ports");
    return {
      "forward-echo": await echoTimes(forwards, signal),
      "forward-open": await sampleTimes(OPEN_LIMITS, signal, () => openAndEcho(forwards)),
    };
  },
};

async function echoTimes({ echo }: Forwards, signal: AbortSignal): Promise<number[]> {
  const stream = await dialTcp(echo);
  try {
    await exchange(stream);
    return await sampleTimes(ECHO_LIMITS, signal, () => exchange(stream));
  } finally {
    await stream.close();
  }
}

async function openAndEcho({ echo }: Forwards): Promise<void> {
  const stream = await dialTcp(echo);
  try {
    await exchange(stream);
  } finally {
    await stream.close();
  }
}

async function exchange(stream: ByteStream): Promise<void> {
  await stream.write(MESSAGE);
  const buffer = new Uint8Array(MESSAGE.length);
  for (let got = 0; got < MESSAGE.length;) {
    const count = await stream.read(buffer);
    if (count === null) throw new Error("The echo ended early");
    got += count;
  }
}
