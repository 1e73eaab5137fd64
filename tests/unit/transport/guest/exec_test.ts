import { AgentError } from "../../../../lib/errors.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import { memoryPair } from "../../../../lib/net/memory.ts";
import {
  encodeFrame,
  FRAME,
  FrameReader,
  FrameWriter,
} from "../../../../lib/transport/guest/exec_frames.ts";
import {
  execOverGuest,
  type GuestCommand,
  type GuestProcess,
} from "../../../../lib/transport/guest/exec.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../../support/assert.ts";
import { bytes, readAll, readUntil, say, text } from "../../../support/duplex.ts";

const FRAMED = "HTTP/1.1 101 UPGRADED\r\nX-Exec-Stream: framed-v1\r\n\r\n";
const PLAIN = "HTTP/1.1 101 UPGRADED\r\n\r\n";
const COMMAND: GuestCommand = { host: "guest", command: "cat" };

async function started(
  answer: string,
  command: GuestCommand = COMMAND,
): Promise<{ process: GuestProcess; server: Duplex; request: string }> {
  const [client, server] = memoryPair();
  const starting = execOverGuest(client, command);
  const request = await readUntil(server, "}");
  await say(server, answer);
  return { process: await starting, server, request };
}

Deno.test("a command is asked for in the form of the protocol", async () => {
  const { process, server, request } = await started(FRAMED, {
    host: "gpu:8080",
    token: "secret",
    command: "printenv",
    args: ["-0"],
    envs: ["A=1"],
    cwd: "/tmp",
    term: "xterm",
    shell: true,
  });
  assertStringIncludes(request, "POST /tinyscale/v1/host-exec/command HTTP/1.1\r\n");
  assertStringIncludes(request, "Authorization: Bearer secret\r\n");
  assertStringIncludes(request, "X-Exec-Stream: framed-v1\r\n");
  assertEquals(JSON.parse(request.slice(request.indexOf("{"))), {
    command: "printenv",
    args: ["-0"],
    envs: ["A=1"],
    cwd: "/tmp",
    term: "xterm",
    shell: true,
  });
  process.stdio.close();
  server.close();
});

Deno.test("both outputs, the exit status and all that goes to the command have their frames", async () => {
  const errors: string[] = [];
  const onStderr = (chunk: Uint8Array) => void errors.push(text(chunk));
  const { process, server } = await started(FRAMED, { ...COMMAND, onStderr });
  const reader = new FrameReader(server);
  await say(process.stdio, "in");
  await process.resize({ cols: 100, rows: 30 });
  await process.signal("SIGINT");
  await process.stdio.closeWrite();
  await process.stdio.closeWrite();
  const got: [number, string][] = [];
  for (let i = 0; i < 4; i++) {
    const frame = await reader.next();
    got.push([frame?.type ?? -1, text(frame?.payload ?? null)]);
  }
  assertEquals(got, [
    [FRAME.stdin, "in"],
    [FRAME.resize, '{"cols":100,"rows":30}'],
    [FRAME.signal, '{"signal":"SIGINT"}'],
    [FRAME.stdin, ""],
  ]);
  const writer = new FrameWriter(server);
  await writer.write(FRAME.stdout, bytes("out"));
  await writer.write(FRAME.stderr, bytes("err"));
  await writer.writeJson(FRAME.exit, { code: 3 });
  assertEquals(await readAll(process.stdio), "out");
  assertEquals(await process.exit, { code: 3 });
  assertEquals(errors, ["err"]);
  await process.stdio.closed;
  server.close();
});

Deno.test("output that is not read holds the server back", async () => {
  const { process, server } = await started(FRAMED);
  const writer = new FrameWriter(server);
  const total = 4 * 1024 * 1024;
  let sent = 0;
  const sending = (async () => {
    for (; sent < total; sent += 65_536) await writer.write(FRAME.stdout, new Uint8Array(65_536));
    await writer.writeJson(FRAME.exit, { code: 0 });
  })();
  // Everything that can move without a reader has moved once a round of the event loop changes nothing.
  for (let before = -1; before !== sent;) {
    before = sent;
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  assertEquals(sent < 1024 * 1024, true);
  let received = 0;
  for (let chunk; (chunk = await process.stdio.read()) !== null;) received += chunk.length;
  await sending;
  assertEquals(received, total);
  assertEquals(await process.exit, { code: 0 });
  server.close();
});

Deno.test("a lost connection is no end of the output", async () => {
  const { process, server } = await started(FRAMED);
  await server.write(encodeFrame(FRAME.stdout, bytes("part")));
  await server.closeWrite();
  assertEquals(text(await process.stdio.read()), "part");
  await assertRejects(() => process.stdio.read(), AgentError, "Lost the command");
  assertEquals(await process.exit, { error: "the connection ended before the command did" });
  server.close();
});

Deno.test("signs of life are no output, and a server that stops giving them is gone", async () => {
  const { process, server } = await started(FRAMED, { ...COMMAND, silenceMs: 500 });
  const sign = encodeFrame(FRAME.stdout, new Uint8Array(0));
  await server.write(sign);
  await server.write(encodeFrame(FRAME.stdout, bytes("out")));
  await server.write(sign);
  assertEquals(text(await process.stdio.read()), "out");
  await assertRejects(() => process.stdio.read(), AgentError, "no sign of life for 0.5 s");
  assertEquals(await process.exit, { error: "no sign of life for 0.5 s" });
  await process.stdio.closed;
  server.close();
});

Deno.test("a server that sends anything else is left", async () => {
  const { process, server } = await started(FRAMED);
  await say(server, "HTTP/1.1 200 OK\r\n");
  assertEquals(await process.exit, { error: "Unknown frame type 72" });
  await process.stdio.closed;
  server.close();
});

Deno.test("closing its stdio leaves the command", async () => {
  const { process, server } = await started(FRAMED);
  process.stdio.close();
  assertEquals("error" in await process.exit, true);
  await assertRejects(() => process.stdio.read());
  await assertRejects(() => process.stdio.write(bytes("x")));
  await process.resize({ cols: 1, rows: 1 });
  server.close();
});

Deno.test("a server without frames gives bytes both ways and no exit status", async () => {
  const { process, server } = await started(`${PLAIN}out`);
  assertEquals(process.framed, false);
  await say(process.stdio, "in");
  await process.signal("SIGINT");
  await process.stdio.closeWrite();
  assertEquals(await readAll(server), "in");
  await server.closeWrite();
  assertEquals(await readAll(process.stdio), "out");
  assertEquals("error" in await process.exit, true);
  process.stdio.close();
  server.close();
});
