import { Buffer } from "node:buffer";
// @ts-types="@types/ssh2"
import type { ServerChannel } from "ssh2";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "../../../support/assert.ts";
import { AgentError } from "../../../../lib/errors.ts";
import type { Duplex } from "../../../../lib/net/duplex.ts";
import type { Lane } from "../../../../lib/transport/transport.ts";
import { until } from "../../../support/poll.ts";
import { connect, hostOf, makeKey, startServer, temporaryDirectory, writeKey } from "./fixture.ts";

const DOCKER = { kind: "docker" } as const;
const encoder = new TextEncoder();

async function readAll(duplex: Duplex): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for (let chunk; (chunk = await duplex.read()) !== null;) text += decoder.decode(chunk);
  return text;
}

/** A host that takes the key in `path`. */
async function withKey() {
  const directory = await temporaryDirectory();
  const path = await writeKey(directory.path, "id", makeKey().private);
  return { ...directory, identityFiles: [{ path, explicit: true }] };
}

Deno.test("a stream carries bytes both ways and ends one direction at a time", async () => {
  await using server = await startServer();
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const targets = [DOCKER, { kind: "tcp", host: "h", port: 1 }, {
    kind: "unix",
    path: "/x",
  }] as const;
  for (const target of targets) {
    const duplex = await transport.open(target);
    await duplex.write(encoder.encode("hello"));
    assertEquals(await duplex.read(), Buffer.from("hello"));
    await duplex.closeWrite();
    await duplex.closeWrite();
    assertEquals(await readAll(duplex), "|end");
    assertEquals(await duplex.read(), null);
    await assertRejects(() => duplex.write(encoder.encode("late")), Deno.errors.BrokenPipe);
    duplex.close();
    duplex.close();
    await duplex.closed;
  }
});

Deno.test("our direction stays open after the host has ended its own", async () => {
  const received = Promise.withResolvers<string>();
  const stream = (channel: ServerChannel) => {
    let text = "";
    channel.on("data", (data: Buffer) => text += data);
    channel.on("end", () => received.resolve(text));
    channel.write("done");
    // Unlike `end`, which on ssh2's server closes the channel, as sshd does not.
    channel.eof();
  };
  await using server = await startServer({ stream });
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const duplex = await transport.open(DOCKER);
  assertEquals(await readAll(duplex), "done");
  await duplex.write(encoder.encode("still here"));
  await duplex.closeWrite();
  assertEquals(await received.promise, "still here");
  duplex.close();
  await duplex.closed;
});

Deno.test("a host that does not read holds the writer back", async () => {
  const opened = Promise.withResolvers<ServerChannel>();
  const run = () => ({ stdout: "", code: 0 });
  await using server = await startServer({ stream: opened.resolve, run });
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const duplex = await transport.open(DOCKER);
  const channel = await opened.promise;
  const chunk = new Uint8Array(64 * 1024).fill(7);
  const chunks = 256;
  let written = 0;
  const writing = (async () => {
    for (; written < chunks; written++) await duplex.write(chunk);
    await duplex.closeWrite();
  })();
  // Each round trip lets everything go out that may.
  for (let trip = 0; trip < 5; trip++) await transport.shell.run(":");
  // The host's window of 2 MiB, and at most as much again on its reading side.
  assert(written * chunk.length <= 5 * 1024 * 1024, `${written} chunks`);
  const total = Promise.withResolvers<number>();
  let count = 0;
  channel.on("data", (data: Buffer) => count += data.length);
  channel.on("end", () => total.resolve(count));
  await writing;
  assertEquals(await total.promise, chunks * chunk.length);
  duplex.close();
  await duplex.closed;
});

Deno.test("closing a stream fails what waits on it and frees it unread", async () => {
  const stream = (channel: ServerChannel) => void channel.write(Buffer.alloc(1024 * 1024));
  await using server = await startServer({ stream });
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const duplex = await transport.open(DOCKER);
  assert((await duplex.read())?.length);
  const idle = await transport.open(DOCKER);
  await idle.read();
  duplex.close();
  await assertRejects(() => duplex.read(), Deno.errors.BrokenPipe);
  await assertRejects(() => duplex.write(encoder.encode("x")), Deno.errors.BrokenPipe);
  await duplex.closed;
  idle.close();
  await idle.closed;
});

Deno.test("a lost connection fails reads, writes and opens, and says so once", async () => {
  await using server = await startServer();
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const duplex = await transport.open(DOCKER);
  const reading = assertRejects(() => duplex.read(), AgentError, "Lost the SSH connection");
  for (const connection of server.connections) connection.end();
  const error = await reading as AgentError;
  assertEquals(error.kind, "lost");
  assertEquals(await transport.closed, error);
  await assertRejects(() => duplex.write(encoder.encode("x")), AgentError, "Lost");
  await assertRejects(() => transport.open(DOCKER), AgentError, "Lost");
  await assertRejects(() => transport.shell.run("true"), AgentError, "Lost");
  await duplex.closed;
});

Deno.test("closing the transport ends its streams, and gives no reason", async () => {
  await using server = await startServer();
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const duplex = await transport.open(DOCKER);
  const reading = assertRejects(() => duplex.read(), AgentError, "it was closed");
  transport.close();
  transport.close();
  await reading;
  await duplex.closed;
  assertEquals(await transport.closed, undefined);
});

Deno.test("commands give their output and status; at most eight run at a time", async () => {
  const run = (command: string) =>
    command === "big" ? { stdout: "x".repeat(3e6), code: 0 } : { stdout: command, code: 3 };
  await using server = await startServer({ run });
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const commands = Array.from({ length: 30 }, (_, number) => `c${number}`);
  const results = await Promise.all(commands.map((command) => transport.shell.run(command)));
  assertEquals(results.map(({ stdout }) => stdout), commands);
  assertEquals(results[0]?.code, 3);
  assertEquals(server.mostSessions(), 8);
  assertEquals((await transport.shell.run("big")).stdout.length, 1024 * 1024);
});

Deno.test("a host that runs no commands still forwards", async () => {
  await using server = await startServer();
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  assertEquals(await transport.facts, undefined);
  await assertRejects(() => transport.shell.run("true"), AgentError, "Cannot run commands on dev@");
  const duplex = await transport.open(DOCKER);
  duplex.close();
  await duplex.closed;
});

Deno.test("a refused stream names the target and the cause", async () => {
  const run = (command: string) =>
    command.includes("echo state=")
      ? { stdout: "user=dev\ngroup=docker\nstate=denied\nlistening=yes\n", code: 0 }
      : undefined;
  await using server = await startServer({ mayOpen: () => false, run });
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const error = await assertRejects(() => transport.open(DOCKER), AgentError) as AgentError;
  assertEquals([error.kind, error.message, error.hint], [
    "engine",
    'Cannot open "/run/docker.sock" on dev@127.0.0.1: permission denied for user "dev"',
    "add the user to group docker on the remote host: sudo usermod -aG docker dev",
  ]);
});

Deno.test("what is wrong with a socket of Podman has a remedy of its own", async () => {
  const table = [
    ["/run/podman/podman.sock", "missing", "sudo systemctl enable --now podman.socket"],
    ["/run/user/7/podman/podman.sock", "missing", "systemctl --user enable --now podman.socket"],
    ["/run/podman/podman.sock", "denied", "sign in as root, or use the socket of the user's own"],
  ] as const;
  for (const [path, state, hint] of table) {
    const run = () => ({ stdout: `user=dev\ngroup=root\nstate=${state}\n`, code: 0 });
    await using server = await startServer({ mayOpen: () => false, run });
    await using key = await withKey();
    await using transport = await connect(hostOf(server.port, key));
    const error = await assertRejects(() => transport.open({ kind: "unix", path }), AgentError);
    assertStringIncludes((error as AgentError).hint ?? "", hint);
  }
});

Deno.test("bulk streams take a second connection, which is replaced when it dies", async () => {
  await using server = await startServer();
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const use = async (lane: "bulk" | "interactive") => {
    const duplex = await transport.open(DOCKER, { lane });
    await duplex.write(encoder.encode(lane));
    await duplex.closeWrite();
    assertEquals(await readAll(duplex), `${lane}|end`);
    duplex.close();
    await duplex.closed;
  };
  await use("bulk");
  assertEquals(server.connections.length, 2);
  const bulk = await transport.open(DOCKER, { lane: "bulk" });
  const lost = assertRejects(() => bulk.read(), AgentError, "Lost");
  server.connections[1]?.end();
  await lost;
  await use("interactive");
  await use("bulk");
  assertEquals(server.connections.length, 3);
  await bulk.closed;
});

Deno.test("streams of forwarded ports get a third connection, and never wait for it", async () => {
  await using server = await startServer({
    stream: (channel, number) => channel.end(Buffer.from(`on ${number}`)),
  });
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  const ask = async (lane: Lane) => {
    const duplex = await transport.open(DOCKER, { lane });
    const answer = await readAll(duplex);
    duplex.close();
    await duplex.closed;
    return answer;
  };
  assertEquals(await ask("bulk"), "on 2");
  assertEquals(await ask("ports"), "on 1");
  await until("the third connection", async () => await ask("ports") === "on 3");
  server.connections[2]?.end();
  await until("its replacement", async () => await ask("ports") === "on 4");
  assertEquals([await ask("bulk"), await ask("interactive")], ["on 2", "on 1"]);
});

Deno.test("streams share the first connection if there can be no second", async () => {
  await using server = await startServer({
    authenticate(context, number) {
      if (number === 1 && context.method === "publickey") context.accept();
      else context.reject(["publickey"]);
    },
  });
  await using key = await withKey();
  await using transport = await connect(hostOf(server.port, key));
  for (const lane of ["bulk", "bulk", "ports"] as const) {
    const duplex = await transport.open(DOCKER, { lane });
    await duplex.write(encoder.encode("x"));
    assertEquals(await duplex.read(), Buffer.from("x"));
    duplex.close();
    await duplex.closed;
  }
  assertEquals(server.connections.length, 2);
});
