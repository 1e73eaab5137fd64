/** `host-exec` to another host: through its guest with certificates, and over SSH. */
import { cleanEnvironment, flagList, rigFlags } from "../support/agent.ts";
import { assertEquals, assertMatch, assertStringIncludes } from "../support/assert.ts";
import { Dialer } from "../../lib/transport/endpoint/dialer.ts";
import { Certificates } from "../support/certificates.ts";
import { Child } from "../support/child.ts";
import { readAll, say } from "../support/duplex.ts";
import { endToEnd } from "../support/e2e.ts";
import { hostExec, hostExecCommand } from "../support/local_guest.ts";
import { until } from "../support/poll.ts";
import { Pty } from "../support/pty.ts";
import type { Rig } from "../support/rig.ts";
import { RigDoor } from "../support/rig_door.ts";

const test = await endToEnd();
const agentOnly = { agentOnly: true };
const PORT = 8460;
/** Ends once its terminal has the other size. */
const RESIZED = "stty size; until [ \"$(stty size)\" = '33 101' ]; do sleep 0.05; done; exit 4";

function start(args: readonly string[]): Child {
  const [program = "", ...words] = hostExecCommand(args);
  return new Child(program, words, { env: cleanEnvironment() });
}

function guestFlags(guest: RigDoor): string[] {
  const { certFile, keyFile } = guest.client;
  return [
    ...["--server-addr", `${guest.address}:${guest.port}`],
    // Certificates of a test are soon to expire, which is warned of.
    ...["--log-level", "error"],
    ...["--cert", certFile, "--key", keyFile, "--ca", guest.authority.certFile],
  ];
}

function sshFlags(rig: Rig): string[] {
  const flags = Object.entries(rigFlags(rig)).filter(([name]) => name.startsWith("ssh-"));
  return flagList(Object.fromEntries(flags));
}

/** Whether a process whose command line has these words runs on the remote host. */
async function runsThere(rig: Rig, words: string): Promise<boolean> {
  const look = `ps -eo args | grep -F -- '${words}' | grep -vc grep`;
  return (await rig.verb("exec", "sh", "-c", `${look} || true`)).trim() !== "0";
}

/** A command whose input has ended can still be interrupted. */
async function hearsSignalsWithoutInput(flags: readonly string[]): Promise<void> {
  const script = "cat; trap 'exit 9' INT; echo ready; while :; do sleep 0.05; done";
  await using child = start([...flags, "--", "bash", "-c", script]);
  await child.closeStdin();
  await child.waitFor(/ready/);
  child.kill("SIGINT");
  assertEquals(await child.wait(), 9);
}

/** What holds whichever way the command goes. */
async function behavesLikeACommand(flags: readonly string[], name: string): Promise<void> {
  const script = "cat; hostname >&2; pwd; printenv A; exit 7";
  const args = [...flags, "-e", "A=it's here", "-w", "/srv", "--", "sh", "-c", script];
  assertEquals(await hostExec(args, { stdin: "in\n" }), {
    code: 7,
    stdout: "in\n/srv\nit's here\n",
    stderr: `${name}\n`,
  });
  const killed = await hostExec([...flags, "--", "sh", "-c", "kill -TERM $$"]);
  assertEquals(killed.code, 143);
  const nowhere = await hostExec([...flags, "-w", "/no-such", "--", "true"]);
  assertEquals([nowhere.code, nowhere.stdout], [255, ""]);
  assertMatch(nowhere.stderr, /no-such/);
  for (const [program, code] of [["no-such", 127], ["/etc/passwd", 126]] as const) {
    assertEquals((await hostExec([...flags, "--", program])).code, code);
  }
  await hearsSignalsWithoutInput(flags);
  const env = { ...cleanEnvironment(), TERM: "xterm" };
  await using terminal = await Pty.open(
    hostExecCommand([...flags, "-t", "--", "sh", "-c", RESIZED]),
    { env },
  );
  await terminal.waitFor(/24 80/);
  await terminal.resize(33, 101);
  assertEquals(await terminal.wait(), 4);
}

test.bare("a guest with certificates runs commands for those it knows", agentOnly, async (rig) => {
  await using guest = await RigDoor.open(rig, { port: PORT });
  await behavesLikeACommand(guestFlags(guest), rig.name);
});

test.bare(
  "those without a good certificate are refused with the reason",
  agentOnly,
  async (rig) => {
    const flags = ["--allowed-cns", "client,somebody"];
    await using guest = await RigDoor.open(rig, { port: PORT + 1, flags });
    const directory = await Deno.makeTempDir({ prefix: "rda-strangers-" });
    try {
      const own = new Certificates(directory);
      const stranger = await own.issue(await own.authority("others"), "client");
      const other = await guest.certificates.issue(guest.authority, "other");
      const server = ["--server-addr", `${guest.address}:${guest.port}`];
      const ca = ["--ca", guest.authority.certFile];
      const cases: [args: string[], code: number, line: RegExp][] = [
        [[...server, ...ca, "--cert", other.certFile, "--key", other.keyFile], 255, /may not use/],
        [
          [...server, ...ca, "--cert", stranger.certFile, "--key", stranger.keyFile],
          255,
          /certificate/,
        ],
        [[...server, ...ca], 255, /certificate/],
        [
          [...server, "--cert", guest.client.certFile, "--key", guest.client.keyFile],
          255,
          /authority/,
        ],
        [server, 255, /HTTP|answer/],
      ];
      for (const [args, code, line] of cases) {
        const result = await hostExec([...args, "--", "id"]);
        assertEquals([result.code, result.stdout], [code, ""], result.stderr);
        assertMatch(result.stderr, line);
      }
      assertEquals((await hostExec([...guestFlags(guest), "--", "true"])).code, 0);
    } finally {
      await Deno.remove(directory, { recursive: true });
    }
  },
);

/** Puts `content` there and returns what the guest answers. */
async function copy(guest: RigDoor, path: string, content: Uint8Array): Promise<string> {
  const { address, port, client, authority } = guest;
  const tls = { ...client, caFile: authority.certFile };
  const dialer = await Dialer.open({ host: address, port, serverName: address, tls });
  try {
    const stream = await dialer.dial();
    await say(
      stream,
      `POST /tinyscale/v1/host-exec/copy?path=${path}&mode=0750 HTTP/1.1\r\nHost: ${address}\r\n` +
        `Connection: close\r\nContent-Length: ${content.length}\r\n\r\n`,
    );
    await stream.write(content);
    return await readAll(stream);
  } finally {
    dialer.close({ everything: true });
  }
}

test.bare("files are put where they may be, and nowhere else", agentOnly, async (rig) => {
  await using guest = await RigDoor.open(rig, {
    port: PORT + 3,
    flags: ["--copy-root", "/srv/dev"],
  });
  const content = new Uint8Array(3_000_000).map((_, at) => at * 7 % 251);
  assertMatch(await copy(guest, "/srv/dev/tool", content), /^HTTP\/1\.1 200 /);
  const path = `${rig.root}/srv/dev/tool`;
  assertEquals(await Deno.readFile(path), content);
  assertEquals((await Deno.stat(path)).mode! & 0o777, 0o750);
  const owner = await hostExec([...guestFlags(guest), "--", "stat", "-c", "%U", "/srv/dev/tool"]);
  assertEquals(owner.stdout, `${rig.user}\n`);
  for (const refused of ["/home/dev/tool", "/srv/dev/../tool", "/tmp/tool"]) {
    assertMatch(await copy(guest, refused, new Uint8Array(1)), /^HTTP\/1\.1 403 /);
  }
});

test.bare("a command ends with a client that is killed", agentOnly, async (rig) => {
  await using guest = await RigDoor.open(rig, { port: PORT + 2 });
  const child = start([...guestFlags(guest), "--", "sh", "-c", "echo ready; sleep 4242"]);
  await child.waitFor(/ready/);
  assertEquals(await runsThere(rig, "sleep 4242"), true);
  child.kill("SIGKILL");
  await child.wait();
  await until("it is gone", async () => !await runsThere(rig, "sleep 4242"));
});

test.bare("a command over SSH, without a guest, behaves like one here", agentOnly, async (rig) => {
  await behavesLikeACommand(sshFlags(rig), rig.name);
  const missing = await hostExec([...sshFlags(rig), "--", "no-such-command"]);
  assertEquals(missing.code, 127);
  assertStringIncludes(missing.stderr, "not found");
  const line = "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.05; done";
  await using child = start([...sshFlags(rig), "--", "bash", "-c", line]);
  await child.waitFor(/ready/);
  child.kill("SIGINT");
  assertEquals(await child.wait(), 9);
});
