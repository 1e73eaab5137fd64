/** `relay` on a Unix socket: many clients, lost servers, and the server it starts through `wsl.exe`. */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { type Child, runCommand } from "../support/child.ts";
import { exists } from "../support/exists.ts";
import { pause, until } from "../support/poll.ts";
import { writeAll } from "../support/raw_http.ts";
import {
  type FakeWsl,
  isRunning,
  type RelayHome,
  relayTest,
  untilPing,
} from "../support/relay_program.ts";

const CLIENTS = 200;
const KILLS = 20;

relayTest("200 clients at the same time, each with its own bytes", async (home) => {
  const { port } = await home.server();
  const { socket } = await home.relay(["--ssh-connection", `ssh://anyone@127.0.0.1:${port}`]);
  const conns = await Promise.all(
    Array.from({ length: CLIENTS }, () => Deno.connect({ transport: "unix", path: socket })),
  );
  try {
    // All of them are open before the first is asked.
    await Promise.all(conns.map(async (conn, index) => {
      const body = `client ${index} `.repeat(500);
      const head = `POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n`;
      await writeAll(conn, new TextEncoder().encode(head + body));
      const text = await readUntil(conn, (so) => so.includes(body));
      assertMatch(text, /^HTTP\/1\.1 200/);
    }));
  } finally {
    for (const conn of conns) conn.close();
  }
});

relayTest("each direction ends by itself", async (home) => {
  const { port } = await home.server();
  const { socket } = await home.relay(["--ssh-connection", `ssh://anyone@127.0.0.1:${port}`]);
  using conn = await Deno.connect({ transport: "unix", path: socket });
  await writeAll(
    conn,
    new TextEncoder().encode("GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
  );
  await conn.closeWrite();
  assertMatch(await readUntil(conn, () => false), /OK/);
});

relayTest("a server that comes back is found again", async (home) => {
  const first = await home.server();
  const { socket } = await home.relay([
    ...["--ssh-connection", `ssh://anyone@127.0.0.1:${first.port}`],
  ]);
  await untilPing(socket);
  first.child.kill("SIGKILL");
  await first.child.wait();
  await home.server(["--port", String(first.port)]);
  await untilPing(socket);
});

relayTest("it starts the server in the distribution and ends it on exit", async (home) => {
  const wsl = await home.fakeWsl();
  const tid = `${home.directory}/relay.tid`;
  const { child, socket } = await startThroughWsl(home, wsl, [
    ...["--watch-process-termination", "--poll-interval", "1", "--tid-path", tid],
  ]);
  await untilPing(socket);
  const words = (await Deno.readTextFile(wsl.record)).trim().split("\n");
  assertEquals(words.slice(0, 5), [
    ...["--distribution", "Ubuntu", "--exec", wsl.program, "relay-server"],
  ]);
  assert(words.includes("--watch-process-termination"));
  assertEquals(words[words.indexOf("--parent-process-pid") + 1], String(child.pid));
  assertEquals((await Deno.readTextFile(tid)).trim(), String(child.pid));
  const server = await serverOf(child);
  assertEquals(await child.stop(), 0);
  await until("the server has ended", () => !isRunning(server));
  assertEquals(exists(tid), false);
});

relayTest("the server ends with a relay that is killed", async (home) => {
  const wsl = await home.fakeWsl();
  const { child } = await startThroughWsl(home, wsl);
  const server = await serverOf(child);
  child.kill("SIGKILL");
  await until("the server ends", () => !isRunning(server));
});

relayTest("20 kills of the server in a row are mended and leak nothing", async (home) => {
  const wsl = await home.fakeWsl();
  const { child, socket } = await startThroughWsl(home, wsl);
  const killOnce = async () => {
    const server = await serverOf(child);
    Deno.kill(server, "SIGKILL");
    await until("it is gone", () => !isRunning(server));
    await untilPing(socket);
  };
  for (let i = 0; i < 3; i++) await killOnce();
  const before = await footprint(child.pid);
  for (let i = 0; i < KILLS; i++) await killOnce();
  const after = await until("the last connections are closed", async () => {
    const now = await footprint(child.pid);
    return now.files <= before.files + 4 && now.children === 1 ? now : undefined;
  });
  const growth = after.bytes - before.bytes;
  assert(growth < 64 * 1024 * 1024, `memory grew by ${Math.round(growth / 1024 / 1024)} MiB`);
});

relayTest("a stranger on the port is not taken for the server it started", async (home) => {
  const stranger = await home.server();
  const wsl = await home.fakeWsl();
  const relay = home.spawn([
    ...["relay", "--named-pipe", `unix://${home.directory}/r.sock`, "--distribution", "Ubuntu"],
    ...["--relay-program-path", wsl.program, "--identity-path", home.key],
    ...["--ssh-connection", `ssh://anyone@127.0.0.1:${stranger.port}`, "--max-retries", "1"],
  ], wsl.env);
  assertEquals(await relay.wait(), 4);
  assertMatch(relay.stderr, /Cannot listen on "127\.0\.0\.1:\d+": the address is in use/);
  // Whoever has signed in is told of in the order of events.
  const options = home.sshOptions(stranger.port);
  await runCommand("ssh", [...options, "anyone@127.0.0.1", "id"]);
  await stranger.child.waitFor(/has signed in/);
  const { stderr } = stranger.child.soFar;
  assertEquals(stderr.match(/has signed in/g)?.length, 1, stderr);
});

relayTest("a server that does not start is given up with what it said", async (home) => {
  const wsl = await home.fakeWsl();
  const relay = home.spawn([
    ...["relay", "--named-pipe", `unix://${home.directory}/r.sock`, "--distribution", "Debian"],
    ...["--relay-program-path", wsl.program, "--identity-path", home.key],
    ...["--ssh-connection", `ssh://anyone@127.0.0.1:${wsl.port}`, "--max-retries", "1"],
  ], wsl.env);
  assertEquals(await relay.wait(), 4);
  assertMatch(
    relay.stderr,
    /Cannot start the relay server in WSL distribution "Debian": There is no distribution with/,
  );
  assertEquals(exists(`${home.directory}/r.sock`), false);
});

relayTest("no server at all is one line and exit code 4, after the retries", async (home) => {
  const { port } = await home.fakeWsl();
  const relay = home.spawn([
    ...["relay", "--named-pipe", `unix://${home.directory}/r.sock`, "--identity-path", home.key],
    ...["--ssh-connection", `ssh://anyone@127.0.0.1:${port}`, "--max-retries", "2"],
  ]);
  assertEquals(await relay.wait(), 4);
  assertEquals(relay.stderr.match(/Cannot connect/g)?.length, 2);
});

relayTest("one client more than allowed is turned away", async (home) => {
  const { port } = await home.server();
  const { socket } = await home.relay([
    ...["--ssh-connection", `ssh://anyone@127.0.0.1:${port}`, "--max-connections", "1"],
  ]);
  {
    using first = await Deno.connect({ transport: "unix", path: socket });
    await writeAll(first, new TextEncoder().encode("GET /_ping HTTP/1.1\r\nHost: x\r\n\r\n"));
    await readUntil(first, (text) => text.includes("OK"));
    using second = await Deno.connect({ transport: "unix", path: socket });
    assertEquals(await second.read(new Uint8Array(1)), null);
  }
  await untilPing(socket);
});

async function startThroughWsl(home: RelayHome, wsl: FakeWsl, args: readonly string[] = []) {
  return await home.relay([
    ...["--distribution", "Ubuntu", "--relay-program-path", wsl.program],
    ...["--ssh-connection", `ssh://anyone@127.0.0.1:${wsl.port}`, ...args],
  ], wsl.env);
}

/** The one child process of the relay: the server. One that was killed may still wait to be reaped. */
async function serverOf(relay: Child): Promise<number> {
  return await until("the relay has one child", () => {
    const [server, ...more] = childrenOf(relay.pid);
    return more.length === 0 ? server : undefined;
  });
}

function childrenOf(pid: number): number[] {
  const tasks = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
  return tasks.flatMap((task) =>
    Deno.readTextFileSync(`/proc/${pid}/task/${task}/children`).trim().split(/\s+/)
      .filter((word) => word !== "").map(Number)
  );
}

async function footprint(pid: number) {
  await pause(200);
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return {
    children: childrenOf(pid).length,
    files: [...Deno.readDirSync(`/proc/${pid}/fd`)].length,
    bytes: Number(status.match(/^VmRSS:\s+(\d+) kB/m)?.[1] ?? NaN) * 1024,
  };
}

async function readUntil(conn: Deno.Conn, done: (text: string) => boolean): Promise<string> {
  const decoder = new TextDecoder();
  const buffer = new Uint8Array(16_384);
  let text = "";
  while (!done(text)) {
    const count = await conn.read(buffer);
    if (count === null) break;
    text += decoder.decode(buffer.subarray(0, count), { stream: true });
  }
  return text;
}
