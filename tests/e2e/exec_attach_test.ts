/** `exec` and `attach`: interactive sessions, their terminals, and the keys that leave them. */
import { assert, assertEquals } from "../support/assert.ts";
import { sameAsDirect, uniqueName } from "../support/compare.ts";
import type { DockerCli } from "../support/docker_cli.ts";
import { endToEnd } from "../support/e2e.ts";
import { until } from "../support/poll.ts";

const test = await endToEnd();

/** Runs `body` beside a container of its own, which is gone afterwards. */
async function withContainer(
  docker: DockerCli,
  args: readonly string[],
  body: (name: string) => Promise<void>,
): Promise<void> {
  const name = uniqueName("session");
  await docker.ok(["run", "-d", "--name", name, ...args]);
  try {
    await body(name);
  } finally {
    await docker.run(["rm", "-f", name]);
  }
}

/** Keys that make a shell report its terminal's size once it is `size`; the CLI sets it late. */
function untilSize(size: string): string {
  return `until [ "$(stty size 2>/dev/null)" = '${size}' ]; do sleep 0.1; done; echo now=$(stty size)\r`;
}

test.withEachCli("exec ends with the exit code and the output of the command", async (bench) => {
  await withContainer(bench.direct, ["bb", "sleep", "600"], async (name) => {
    const exec = (...args: string[]) => sameAsDirect(bench, ["exec", ...args]);
    const both = await exec(name, "sh", "-c", "echo out; echo err >&2; exit 7");
    assertEquals(both, { code: 7, stdout: "out\n", stderr: "err\n" });
    await exec(name, "no-such-command");
    await exec("-e", "A=b", "-w", "/tmp", name, "sh", "-c", "pwd; echo $A");
    await exec("no-such-container", "true");
    const options = { stdin: "through\n" };
    const cat = await sameAsDirect(bench, ["exec", "-i", name, "cat"], options);
    assertEquals(cat.stdout, "through\n");
  });
});

test.withEachCli("exec -it follows the size of the terminal", async ({ docker }) => {
  await withContainer(docker, ["bb", "sleep", "600"], async (name) => {
    await using pty = await docker.terminal(["exec", "-it", name, "sh"]);
    await pty.type(untilSize("24 80"));
    await pty.waitFor(/now=24 80/);
    await pty.type(untilSize("40 132"));
    // The CLI listens for SIGWINCH only a moment after it has passed the first size on.
    await until("the new size has arrived", async () => {
      await pty.resize(40, 131);
      await pty.resize(40, 132);
      return /now=40 132/.test(pty.screenSoFar) || undefined;
    });
    await pty.type("exit 5\r");
    assertEquals(await pty.wait(), 5);
  });
});

test.withEachCli("attach shows the container, and the detach keys leave it", async (bench) => {
  await withContainer(bench.direct, ["-it", "bb", "sh"], async (name) => {
    const codes: number[] = [];
    for (const docker of [bench.docker, bench.direct]) {
      await using pty = await docker.terminal(["attach", name]);
      await pty.type("echo here-$((40+2))\r");
      await pty.waitFor(/here-42/);
      await pty.type("\x10\x11");
      codes.push(await pty.wait());
    }
    assertEquals(codes[0], codes[1]);
    assertEquals(await bench.direct.ok(["inspect", "-f", "{{.State.Running}}", name]), "true");
  });
});

test("detach keys of one's own work", async ({ docker }) => {
  await withContainer(docker, ["-it", "bb", "sh"], async (name) => {
    await using pty = await docker.terminal(["attach", "--detach-keys", "ctrl-x,q", name]);
    await pty.type("echo here-$((40+2))\r");
    await pty.waitFor(/here-42/);
    await pty.type("\x18q");
    await pty.wait();
    assertEquals(await docker.ok(["inspect", "-f", "{{.State.Running}}", name]), "true");
  });
});

test.withEachCli("attach without a terminal ends with the container", async ({ docker }) => {
  const script =
    "while :; do echo tick; sleep 0.1; done & read line; kill $!; echo got $line; exit 9";
  await withContainer(docker, ["-i", "bb", "sh", "-c", script], async (name) => {
    await using attached = docker.spawn(["attach", name]);
    await attached.waitFor(/tick/);
    await attached.write("a line\n");
    await attached.waitFor(/got a line/);
    assertEquals([await attached.wait(), attached.stderr], [9, ""]);
  });
});

test("start -ai takes up a container where it was created", async ({ docker }) => {
  const name = uniqueName("start");
  await docker.ok(["create", "-i", "--name", name, "bb", "sh", "-c", "cat; exit 6"]);
  try {
    const result = await docker.run(["start", "-ai", name], { stdin: "late\n" });
    assertEquals(result, { code: 6, stdout: "late\n", stderr: "" });
  } finally {
    await docker.run(["rm", "-f", name]);
  }
});

test("a session that is left behind does not end the container", async ({ docker }) => {
  await withContainer(docker, ["bb", "sleep", "600"], async (name) => {
    const session = docker.spawn(["exec", "-i", name, "cat"]);
    await session.write("echo\n");
    await session.waitFor(/echo/);
    session.kill("SIGKILL");
    await session.stop();
    assert((await docker.ok(["ps", "-q", "--filter", `name=${name}`])) !== "");
  });
});
