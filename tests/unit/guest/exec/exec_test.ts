import type { Duplex } from "../../../../lib/net/duplex.ts";
import { AgentError } from "../../../../lib/errors.ts";
import type { GuestCommand } from "../../../../lib/transport/guest/exec.ts";
import { encodeFrame, FRAME } from "../../../../lib/transport/guest/exec_frames.ts";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "../../../support/assert.ts";
import { bytes, readAll, readUntil, say } from "../../../support/duplex.ts";
import { runOver, script, type TestGuest, withGuest } from "../../../support/guest.ts";
import { until } from "../../../support/poll.ts";

Deno.test("a command has its two outputs, its input and its exit status", async () => {
  await withGuest({}, async (guest) => {
    const result = await runOver(guest, script("cat; echo err >&2; exit 7"), "in");
    assertEquals(result, { stdout: "in", stderr: "err\n", exit: { code: 7 } });
    await until("the command is gone", () => guest.guest.commands === 0);
  });
});

Deno.test("a command has the variables and the directory that were asked for", async () => {
  await withGuest({}, async (guest) => {
    const { stdout } = await runOver(guest, {
      command: "sh",
      args: ["-c", 'pwd; echo "$A" "$EMPTY" "${RDA_SECRET-unset}"'],
      envs: ["A=b=c", "EMPTY="],
      cwd: guest.directory,
    });
    assertEquals(stdout, `${guest.directory}\nb=c  unset\n`);
  });
});

Deno.test("a script runs in the user's login shell, in the home directory", async () => {
  await withGuest({}, async (guest) => {
    const { stdout } = await runOver(guest, {
      command: "cd / && pwd; cd && pwd; echo $0",
      shell: true,
    });
    assertMatch(stdout, /^\/\n\/.*\n.*sh\n$/);
  });
});

Deno.test("a signal for the command reaches it, and one that ends it is told", async () => {
  await withGuest({}, async (guest) => {
    const process = await guest.exec(
      script("trap 'echo caught; kill -9 $$' INT; echo ready; while :; do sleep 0.05; done"),
    );
    await readUntil(process.stdio, "ready\n");
    await process.signal("SIGINT");
    assertEquals(await readAll(process.stdio), "caught\n");
    assertEquals(await process.exit, { signal: "SIGKILL" });
  });
});

const STARTS: readonly [command: Omit<GuestCommand, "host">, message: string][] = [
  [{ command: "no-such-program" }, 'exec: "no-such-program": executable file not found in $PATH'],
  [{ command: "/no/such" }, 'exec: "/no/such": no such file or directory'],
  [{ command: "/etc/passwd" }, 'exec: "/etc/passwd": permission denied'],
  [{ command: "/tmp" }, 'exec: "/tmp": permission denied'],
  [{ command: "ls", cwd: "/no/such" }, "chdir /no/such: no such file or directory"],
  [{ command: "ls", envs: ["=x"] }, '"envs" holds something other than NAME=VALUE'],
  [{ command: "ls", args: ["a"], shell: true }, '"args" do not go with "shell"'],
];

for (const [command, message] of STARTS) {
  Deno.test(`a command that cannot be started is refused before anything: ${message}`, async () => {
    await withGuest({}, async (guest) => {
      const error = await assertRejects(() => guest.exec(command), AgentError);
      assertEquals(error.message, message);
      assertEquals(guest.guest.commands, 0);
    });
  });
}

async function askPlain(guest: TestGuest, body: unknown): Promise<Duplex> {
  const stream = await guest.dial();
  const content = JSON.stringify(body);
  await say(
    stream,
    "POST /tinyscale/v1/host-exec/command HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" +
      `Upgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${content.length}\r\n\r\n` +
      content,
  );
  assertEquals(
    await readUntil(stream, "\r\n\r\n"),
    "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
  );
  return stream;
}

Deno.test("a client of the first level gets both outputs in one, in order, and EOF by half-close", async () => {
  await withGuest({}, async (guest) => {
    const args = ["-c", "echo 1; echo 2 >&2; echo 3; cat; printenv X"];
    const stream = await askPlain(guest, { command: "sh", args, envs: { X: "y" } });
    await say(stream, "in\n");
    await stream.closeWrite();
    assertEquals(await readAll(stream), "1\n2\n3\nin\ny\n");
    stream.close();
  });
});

Deno.test("a command that reads no input still gives all of its output", async () => {
  await withGuest({}, async (guest) => {
    const stream = await askPlain(guest, { command: "sh", args: ["-c", "exec <&-; echo done"] });
    const feeding = (async () => {
      for (let i = 0; i < 64; i++) await stream.write(new Uint8Array(65_536));
    })().catch(() => {/* The guest was done first. */});
    assertEquals(await readAll(stream), "done\n");
    stream.close();
    await feeding;
  });
});

Deno.test("a terminal has a size, changes it, and its keys become signals", async () => {
  await withGuest({}, async (guest) => {
    const process = await guest.exec({
      ...script(
        "stty size; tty; echo $TERM; trap 'told=1; stty size' WINCH; echo ready; " +
          "until [ $told ]; do sleep 0.02; done; exec cat",
      ),
      tty: { cols: 101, rows: 33 },
      term: "screen",
    });
    const opening = await readUntil(process.stdio, "ready\r\n");
    assertMatch(opening, /^33 101\r\n\/dev\/pts\/\d+\r\nscreen\r\nready\r\n$/);
    await process.resize({ cols: 90, rows: 20 });
    await readUntil(process.stdio, "20 90\r\n");
    await say(process.stdio, "x\n");
    // The terminal's echo, then that of the command.
    await readUntil(process.stdio, "x\r\nx\r\n");
    await say(process.stdio, "\x03");
    assertStringIncludes(await readAll(process.stdio), "^C");
    assertEquals(await process.exit, { signal: "SIGINT" });
  });
});

Deno.test("EOF on a terminal is its end-of-input character", async () => {
  await withGuest({}, async (guest) => {
    const { stdout, exit } = await runOver(guest, {
      ...script("stty -echo; cat; echo end"),
      tty: { cols: 80, rows: 24 },
    });
    assertMatch(stdout, /end\r\n$/);
    assertEquals(exit, { code: 0 });
  });
});

Deno.test("commands and terminals have their limits", async () => {
  await withGuest({ limits: { maxCommands: 2, maxTerminals: 1 } }, async (guest) => {
    const tty = { cols: 80, rows: 24 };
    const first = await guest.exec({ command: "sleep", args: ["60"], tty });
    await assertRejects(() => guest.exec({ command: "ls", tty }), AgentError, "all 1 terminals");
    const second = await guest.exec({ command: "sleep", args: ["60"] });
    await assertRejects(() => guest.exec({ command: "ls" }), AgentError, "all 2 places");
    first.stdio.close();
    second.stdio.close();
    await until("their places are free", () => guest.guest.commands === 0);
    await until("another may run", async () => {
      const { exit } = await runOver(guest, { command: "true" });
      return "code" in exit && exit.code === 0;
    });
  });
});

Deno.test("a client that breaks the rules of frames is told so and left", async () => {
  await withGuest({}, async (guest) => {
    const stream = await guest.dial();
    const content = JSON.stringify({ command: "sleep", args: ["60"] });
    await say(
      stream,
      "POST /tinyscale/v1/host-exec/command HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n" +
        `Upgrade: tcp\r\nX-Exec-Stream: framed-v1\r\nContent-Length: ${content.length}\r\n\r\n`,
    );
    await say(stream, content);
    assertStringIncludes(await readUntil(stream, "\r\n\r\n"), "X-Exec-Stream: framed-v1\r\n");
    await stream.write(encodeFrame(FRAME.stdout, bytes("not for me")));
    assertStringIncludes(await readAll(stream), "A client does not send frames of type 1");
    stream.close();
    await until("the command is gone", () => guest.guest.commands === 0);
  });
});

Deno.test("the log tells who ran what, and neither arguments nor variables", async () => {
  await withGuest({}, async (guest) => {
    await runOver(guest, {
      command: "sh",
      args: ["-c", "exit 3", "s3cret-arg"],
      envs: ["K=s3cret-env"],
    });
    const line = await until(
      "the log has it",
      () => guest.lines.find(({ message }) => message.startsWith("POST")),
    );
    assertEquals(line.message, "POST /tinyscale/v1/host-exec/command");
    const { status, who, command, exit } = line.fields;
    assertEquals([status, who, command, exit], [101, "local", "sh", 3]);
    assert(!JSON.stringify(guest.lines).includes("s3cret"));
  });
});
