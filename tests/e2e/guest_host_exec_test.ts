/** `guest` and `host-exec` as programs on one machine: the command lines people type. */
import { cleanEnvironment, spawnAgent } from "../support/agent.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { Child } from "../support/child.ts";
import { isRunning } from "../support/guest.ts";
import { hostExec, hostExecCommand, startLocalGuest } from "../support/local_guest.ts";
import { until } from "../support/poll.ts";
import { Pty } from "../support/pty.ts";

Deno.test("the command lines of the quick start work as they are written", async () => {
  await using guest = await startLocalGuest();
  const server = ["--server-addr", `localhost:${guest.port}`, "--insecure"];
  const list = await hostExec([...server, "--", "ls", "-la"]);
  assertEquals(list.code, 0);
  assertMatch(list.stdout, /^total \d+\n.* \.\n/);
  const script = await hostExec([...server, "--", "bash", "-c", "cd / && pwd && pwd >&2; exit 3"]);
  assertEquals(script, { code: 3, stdout: "/\n", stderr: "/\n" });
  const env = ["-e", "ENV=production", "-e", "DEBUG=false", "-e", "HERE"];
  const variables = await hostExec([...server, ...env, "--", "printenv"], {
    vars: { HERE: "taken along" },
  });
  for (const line of ["ENV=production", "DEBUG=false", "HERE=taken along"]) {
    assertMatch(variables.stdout, new RegExp(`^${line}$`, "m"));
  }
});

Deno.test("input and output are streams of any bytes", async () => {
  await using guest = await startLocalGuest();
  const stdin = crypto.getRandomValues(new Uint8Array(60_000));
  const server = ["--server-addr", `127.0.0.1:${guest.port}`];
  const digest = await hostExec([...server, "--", "sha256sum"], { stdin });
  const bytes = new Uint8Array(await crypto.subtle.digest("SHA-256", stdin));
  assertEquals(digest.stdout, `${bytes.toHex()}  -\n`);
});

Deno.test("failures say what is wrong, on one line", async () => {
  await using guest = await startLocalGuest();
  const server = ["--server-addr", `127.0.0.1:${guest.port}`];
  const cases: [args: string[], code: number, line: RegExp][] = [
    [[...server, "--", "no-such"], 127, /exec: "no-such": executable file not found in \$PATH$/],
    [[...server, "--", "/etc/passwd"], 126, /exec: "\/etc\/passwd": permission denied$/],
    [[...server, "-w", "/no-such", "--", "ls"], 255, /chdir \/no-such: no such file or directory$/],
    [[...server], 2, /Missing command after "host-exec"; write host-exec /],
    [["--", "ls"], 2, /Missing --server-addr/],
    [["--server-addr", "127.0.0.1:1", "--", "ls"], 255, /connection refused/],
    [[...server, "--cert", "/no/such", "--", "ls"], 2, /Missing --key, which --cert needs/],
  ];
  for (const [args, code, line] of cases) {
    const result = await hostExec(args);
    assertEquals([result.code, result.stdout], [code, ""], result.stderr);
    assertMatch(result.stderr.trimEnd(), line);
    assertEquals(result.stderr.trimEnd().split("\n").length, 1);
  }
});

Deno.test("a guest that wants a token has host-exec and tunnel say how to give one", async () => {
  const folder = await Deno.makeTempDir();
  const [good, bad] = [`${folder}/good`, `${folder}/bad`];
  for (const file of [good, bad]) await Deno.writeTextFile(file, file.padEnd(40, "x"));
  try {
    await using guest = await startLocalGuest(["--token-file", good]);
    const address = `127.0.0.1:${guest.port}`;
    const whoami = async (...flags: string[]) => {
      const { code, stderr } = await hostExec(["--server-addr", address, ...flags, "--", "true"]);
      return { code, stderr };
    };
    assertEquals((await whoami("--token-file", good)).code, 0);
    const none = await whoami();
    assertMatch(none.stderr, /wants a token; give its token with --token-file\n$/);
    const wrong = await whoami("--token-file", bad);
    assertMatch(wrong.stderr, /does not know the token; check the token in --token-file\n$/);
    assertEquals([none.code, wrong.code], [255, 255]);

    const words = ["tunnel", "0", `tstunnel://${address}/tcp:127.0.0.1:${guest.port}`];
    await using refused = spawnAgent(words);
    assertEquals(await refused.wait(), 5);
    assertMatch(refused.stderr, /wants a client certificate or a token; .* or --ts-token-file/);
    await using tunnel = spawnAgent([...words, "--ts-token-file", good]);
    const [, local] = await tunnel.waitFor(/Listening on (127\.0\.0\.1:\d+)/);
    const through = await hostExec(
      ["--server-addr", local ?? "", "--token-file", good, "--", "echo", "through"],
    );
    assertEquals([through.code, through.stdout], [0, "through\n"]);
    assertEquals(await tunnel.stop(), 0);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("Ctrl-C is for the command; a second one leaves it", async () => {
  await using guest = await startLocalGuest();
  const line = "trap 'echo caught; exit 9' INT; echo ready $$; while :; do sleep 0.05; done";
  const stubborn = "trap 'echo heard' INT; echo ready $$; while :; do sleep 0.05; done";
  const start = (script: string) => {
    const args = ["--server-addr", `127.0.0.1:${guest.port}`, "--", "sh", "-c", script];
    const [program = "", ...words] = hostExecCommand(args);
    return new Child(program, words, { env: cleanEnvironment() });
  };
  await using polite = start(line);
  await polite.waitFor(/ready/);
  polite.kill("SIGINT");
  assertEquals(await polite.wait(), 9);
  assertStringIncludes(polite.stdout, "caught");
  await using deaf = start(stubborn);
  const pid = Number((await deaf.waitFor(/ready (\d+)/))[1]);
  deaf.kill("SIGINT");
  await deaf.waitFor(/heard/);
  deaf.kill("SIGINT");
  assertEquals(await deaf.wait(), 130);
  await until("its command is gone", () => !isRunning(pid));
});

Deno.test("-t gives a terminal with the keys and the size of this one", async () => {
  await using guest = await startLocalGuest();
  const args = ["--server-addr", `127.0.0.1:${guest.port}`, "-t", "--", "sh"];
  const env = { ...cleanEnvironment(), PS1: "$ ", TERM: "vt100" };
  await using terminal = await Pty.open(hostExecCommand([...args]), { env });
  await terminal.type("echo size $(stty size) $TERM; test -t 2 && echo is a terminal\n");
  await terminal.waitFor(/size 24 80 vt100\r+\nis a terminal/);
  await terminal.resize(31, 99);
  await terminal.type(
    "until [ \"$(stty size)\" = '31 99' ]; do sleep 0.05; done; echo resi''zed\n",
  );
  await terminal.waitFor(/resized/);
  const line = "trap 'echo inter''rupted; exit' INT; echo rea''dy; while :; do sleep 0.05; done";
  await terminal.type(`(${line})\n`);
  await terminal.waitFor(/ready/);
  await terminal.type("\x03");
  await terminal.waitFor(/interrupted/);
  await terminal.type("exit 5\n");
  assertEquals(await terminal.wait(), 5);
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  Deno.test(`nothing survives a guest that is ended by ${signal}, once or twice`, async () => {
    for (const times of [1, 2]) {
      const flags = times === 1 ? ["--shutdown-timeout", "100ms"] : [];
      await using guest = await startLocalGuest(flags);
      const stubborn = "trap '' HUP INT TERM; sleep 60 & echo pids $! $$; wait";
      const args = ["--server-addr", `127.0.0.1:${guest.port}`, "--", "sh", "-c", stubborn];
      const [program = "", ...words] = hostExecCommand(args);
      await using client = new Child(program, words, { env: cleanEnvironment() });
      const [, one, two] = await client.waitFor(/pids (\d+) (\d+)/);
      const pids = [Number(one), Number(two)];
      guest.child.kill(signal);
      if (times === 2) {
        await guest.child.waitFor(/Shutting down/);
        guest.child.kill(signal);
      }
      await guest.child.wait();
      // The last SIGKILL may still be on its way.
      await until("its processes are gone", () => !pids.some(isRunning));
      assertEquals(await client.wait(), 255);
      assertMatch(client.stderr, /Lost the command/);
    }
  });
}

Deno.test("beyond this machine a guest wants to know its clients, or the long word", async () => {
  await using closed = spawnAgent(["guest", "--listen", "0.0.0.0:0"]);
  assertEquals(await closed.wait(), 2);
  assertMatch(closed.stderr, /Refusing to listen on "0\.0\.0\.0:0": anybody could run commands/);
  await using open = spawnAgent([
    "guest",
    "--listen",
    "0.0.0.0:0",
    "--dangerously-allow-anonymous",
  ]);
  await open.waitFor(/DANGER: anybody who can reach 0\.0\.0\.0:0 runs commands here/);
  await open.waitFor(/Listening on http/);
  assertEquals(await open.stop(), 0);
});

/** A server that knows the first level of the protocol and nothing more. */
function firstLevelServer(): { port: number; done: Promise<string>; close(): void } {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serve = async () => {
    const conn = await listener.accept();
    const buffer = new Uint8Array(65_536);
    const read = async () => {
      const count = await conn.read(buffer);
      return count === null ? "" : new TextDecoder().decode(buffer.subarray(0, count));
    };
    let request = "";
    while (!request.includes("}")) request += await read();
    const encode = (text: string) => new TextEncoder().encode(text);
    await conn.write(
      encode("HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\n"),
    );
    const input = await read();
    await conn.write(encode(`got ${input}`));
    conn.close();
    return request;
  };
  return { port: listener.addr.port, done: serve(), close: () => listener.close() };
}

Deno.test("a server of the first level works, with a note", async () => {
  const server = firstLevelServer();
  const args = ["--server-addr", `127.0.0.1:${server.port}`, "--", "cat", "-"];
  const result = await hostExec(args, { stdin: "input" });
  const request = await server.done;
  server.close();
  assertEquals([result.code, result.stdout], [0, "got input"]);
  assertMatch(result.stderr, /^remote-docker-agent: this server only has standard output; .*\n$/);
  const body = JSON.parse(request.slice(request.indexOf("{")));
  assertEquals([body.command, body.args, body.envs], ["cat", ["-"], []]);
});

Deno.test("a server of the first level is not asked for what it would leave out", async () => {
  const paths: string[] = [];
  await using server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
    paths.push(new URL(request.url).pathname);
    return Response.json({ message: "page not found" }, { status: 404 });
  });
  for (const flags of [["-w", "/srv"], ["-t"]]) {
    const args = [
      "--server-addr",
      `127.0.0.1:${server.addr.port}`,
      ...flags,
      "--",
      "rm",
      "-r",
      "x",
    ];
    const { code, stderr } = await hostExec(args);
    assertEquals(code, 255, stderr);
    assertMatch(stderr, /knows neither terminals nor working directories; leave out -t and -w/);
  }
  assertEquals(paths, ["/tinyscale/v1/info", "/tinyscale/v1/info"]);
});

Deno.test("a reader of the output that leaves ends the command", async () => {
  await using guest = await startLocalGuest();
  const words = hostExecCommand(["--server-addr", `127.0.0.1:${guest.port}`, "--", "yes"]);
  const line = `${words.map((word) => `'${word}'`).join(" ")} | head -n 1`;
  const shell = new Deno.Command("sh", {
    args: ["-c", line],
    env: cleanEnvironment(),
    clearEnv: true,
  });
  const { stdout } = await shell.output();
  assertEquals(new TextDecoder().decode(stdout), "y\n");
  const done = await guest.child.waitFor(/host-exec\/command.*/);
  assert(done[0].includes("101"));
});
