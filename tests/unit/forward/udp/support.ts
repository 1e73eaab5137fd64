/** The far end of datagrams on this machine: the relay's program, a server, a client. */
import { createSocket } from "node:dgram";
import {
  NO_INTERPRETER,
  PROBE_COMMAND,
  RELAY_COMMAND,
  SCRIPTS,
} from "../../../../lib/forward/udp/script.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import type { RemoteProcess, Shell } from "../../../../lib/transport/transport.ts";
import { assertEquals } from "../../../support/assert.ts";
import { LOOPBACK } from "../support.ts";

/** Runs the relay's program here, with the given interpreter. */
export function localShell(interpreter: keyof typeof SCRIPTS | "none") {
  const spawned: Deno.ChildProcess[] = [];
  const shell: Shell = {
    run(command) {
      assertEquals(command, PROBE_COMMAND);
      return Promise.resolve({ code: interpreter === "none" ? 127 : 0, stdout: "", stderr: "" });
    },
    spawn(command, { signal } = {}) {
      assertEquals(command, RELAY_COMMAND);
      const [program, args] = interpreter === "none"
        ? ["sh", ["-c", `exit ${NO_INTERPRETER}`]]
        : [interpreter, [...SCRIPTS[interpreter]]];
      const child = new Deno.Command(program, {
        args,
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      spawned.push(child);
      const process = asProcess(child);
      signal?.addEventListener("abort", () => process.stdio.close(), { once: true });
      return Promise.resolve(process);
    },
  };
  return {
    shell,
    spawned,
    async [Symbol.asyncDispose]() {
      for (const { status } of spawned) await status;
    },
  };
}

function asProcess(child: Deno.ChildProcess): RemoteProcess {
  const reader = child.stdout.getReader();
  const writer = child.stdin.getWriter();
  const ignore = () => {}; // the child may have ended already
  const stdio: Duplex = {
    async read() {
      const { value, done } = await reader.read();
      return done ? null : value;
    },
    write: (chunk) => writer.write(new Uint8Array(chunk)),
    closeWrite: () => writer.close().catch(ignore),
    close() {
      void writer.close().catch(ignore);
      void reader.cancel().catch(ignore);
    },
    closed: child.status.then(ignore),
  };
  return { stdio, exit: child.status.then(({ code }) => code) };
}

/** A UDP server that answers each datagram with `echo:` before it. */
export async function echoServer() {
  const socket = createSocket("udp4");
  socket.on("message", (data, from) => {
    socket.send(
      new TextEncoder().encode(`echo:${data.length}:${data.subarray(0, 8)}`),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => socket.bind({ address: LOOPBACK, port: 0 }, resolve));
  return {
    host: LOOPBACK,
    port: socket.address().port,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

/** A UDP client of `port`; `ask` sends until it is answered, as UDP's clients do. */
export async function udpClient(port: number) {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind({ address: LOOPBACK, port: 0 }, resolve));
  return {
    async ask(data: Uint8Array): Promise<string> {
      const { promise, resolve } = Promise.withResolvers<string>();
      const listen = (message: Uint8Array) => {
        const text = new TextDecoder().decode(message);
        // Another one is late: what is sent again may be answered again.
        if (text.startsWith(`echo:${data.length}:`)) resolve(text);
      };
      socket.on("message", listen);
      const send = () => socket.send(data, port, LOOPBACK);
      const again = setInterval(send, 200);
      send();
      return await promise.finally(() => {
        clearInterval(again);
        socket.off("message", listen);
      });
    },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}

/** The bytes of a text. */
export const utf8 = (text: string) => new TextEncoder().encode(text);

/** Whether a program is installed here. */
export function has(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"], stdout: "null", stderr: "null" })
      .outputSync().success;
  } catch {
    return false; // not installed
  }
}
