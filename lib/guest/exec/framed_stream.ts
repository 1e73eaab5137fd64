/** A command's stream in frames: two outputs, exit status, signals and the size of a terminal. */
import { constants } from "node:os";
import type { Duplex } from "../../net/duplex.ts";
import { sleep } from "../../system/sleep.ts";
import {
  FRAME,
  type Frame,
  FrameError,
  FrameReader,
  FrameWriter,
  parseObject,
  parseSize,
} from "../../transport/guest/exec_frames.ts";
import type { GuestLimits } from "../limits.ts";
import { signalGroup } from "./session.ts";
import type { Output, Spawned } from "./spawned.ts";
import { exitOf, type Report } from "./stream_relay.ts";

/** How long a client has to take the last frame and leave. */
const LINGER_MS = 2_000;
const NOTHING = new Uint8Array(0);

/**
 * Settles when the client has been told how the command ended, or is gone: in this form, a client
 * that ends its direction has left.
 */
export async function relayFramed(
  stream: Duplex,
  spawned: Spawned,
  limits: GuestLimits,
  onExit: Report,
): Promise<void> {
  const writer = new FrameWriter(stream);
  const gone = Promise.withResolvers<undefined>();
  const leave = () => gone.resolve(undefined);
  const input = obey(stream, spawned).then(async (violation) => {
    if (violation !== undefined) await tellViolation(writer, violation);
    leave();
  });
  const outputs = Promise.all(spawned.outputs.map((output) => send(output, writer)));
  outputs.catch(leave);
  const quiet = new AbortController();
  keepAlive(writer, limits.keepAliveMs, quiet.signal).catch(leave);
  const exited = exitOf(spawned, outputs);
  const report = await Promise.race([exited, gone.promise]).finally(() => {
    quiet.abort();
    exited.catch(() => {/* The client is gone. */});
  });
  if (report === undefined) return;
  onExit(report);
  await writer.writeJson(FRAME.exit, report).catch(leave);
  await stream.closeWrite();
  const enough = new AbortController();
  await Promise.race([input, sleep(LINGER_MS, enough.signal)]);
  enough.abort();
}

async function send(output: Output, writer: FrameWriter): Promise<void> {
  for (let chunk; (chunk = await output.read()) !== null;) {
    if (chunk.length > 0) await writer.write(FRAME[output.kind], chunk);
  }
}

/**
 * An empty frame now and then: while a command takes no input, its client's end can only be noticed
 * by writing.
 */
async function keepAlive(writer: FrameWriter, everyMs: number, signal: AbortSignal): Promise<void> {
  for (;;) {
    await sleep(everyMs, signal);
    if (signal.aborted) return;
    await writer.write(FRAME.stdout, NOTHING);
  }
}

/** Does what the client's frames say until it is gone; what it did wrong, if it did. Never rejects. */
async function obey(stream: Duplex, spawned: Spawned): Promise<string | undefined> {
  const reader = new FrameReader(stream);
  let takes = true;
  try {
    for (let frame; (frame = await reader.next()) !== null;) {
      if (frame.type !== FRAME.stdin) control(frame, spawned);
      else if (!takes) continue;
      else if (frame.payload.length === 0) await spawned.endInput();
      else await spawned.write(frame.payload).catch(() => takes = false);
    }
    return undefined;
  } catch (error) {
    return error instanceof FrameError ? error.message : undefined;
  }
}

function control({ type, payload }: Frame, spawned: Spawned): void {
  if (type === FRAME.resize) spawned.resize(parseSize(parseObject(payload)));
  else if (type === FRAME.signal) signalGroup(spawned.pid, readSignal(payload));
  else throw new FrameError(`A client does not send frames of type ${type}`);
}

function readSignal(payload: Uint8Array): Deno.Signal {
  const { signal } = parseObject(payload);
  if (typeof signal === "string" && Object.hasOwn(constants.signals, signal)) {
    return signal as Deno.Signal;
  }
  throw new FrameError("An unknown signal");
}

async function tellViolation(writer: FrameWriter, violation: string): Promise<void> {
  try {
    await writer.writeJson(FRAME.exit, { error: violation });
  } catch {
    // It is gone as well.
  }
}
