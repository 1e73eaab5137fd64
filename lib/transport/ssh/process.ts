/**
 * A command that runs on the remote host while its input and output are used. It owns the session's
 * channel.
 */
import type { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ClientChannel } from "ssh2";
import { Lines } from "../lines.ts";
import type { RemoteProcess, SpawnOptions } from "../transport.ts";
import { channelDuplex } from "./channel.ts";
import type { Connection } from "./connection.ts";

/** Takes over a channel on which a command has just been started. */
export function remoteProcess(
  channel: ClientChannel,
  connection: Connection,
  options: SpawnOptions,
): RemoteProcess {
  const { signal, onStderr } = options;
  const stdio = channelDuplex(channel, connection);
  const lines = new Lines(onStderr ?? (() => {}));
  // Read even if nobody asked for it: what is not read holds back standard output as well.
  channel.stderr.on("data", (data: Buffer) => lines.add(data));
  const { promise: exit, resolve } = Promise.withResolvers<number | null>();
  const onAbort = () => stdio.close();
  signal?.addEventListener("abort", onAbort, { once: true });
  let status: number | null = null;
  channel.on("exit", (code: unknown) => status = typeof code === "number" ? code : null);
  const end = () => {
    signal?.removeEventListener("abort", onAbort);
    lines.end();
    resolve(status);
  };
  channel.on("close", (code: unknown) => {
    // A short command can have ended before anybody listened for `exit`; `close` says it again.
    if (typeof code === "number") status = code;
    end();
  });
  void connection.closed.then(end);
  return { stdio, exit };
}
