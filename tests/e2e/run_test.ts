/** `docker run`: exit codes, standard streams, terminals and signals as on a direct connection. */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { sameAsDirect, uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";

const test = await endToEnd();

test.withEachCli("run ends with the exit code of the command", async (bench) => {
  const run = (...args: string[]) => sameAsDirect(bench, ["run", "--rm", ...args]);
  assertEquals((await run("bb", "true")).code, 0);
  assertEquals((await run("bb", "sh", "-c", "exit 3")).code, 3);
  assertEquals((await run("--no-such-flag", "bb")).code, 125);
  assertEquals((await run("--network", "no-such-network", "bb", "true")).code, 125);
  assertEquals((await run("bb", "no-such-command")).code, 127);
  assertEquals((await run("bb", "/etc/passwd")).code, 126);
});

test.withEachCli("run keeps standard output and standard error apart", async (bench) => {
  const result = await sameAsDirect(bench, [
    ...["run", "--rm", "bb", "sh", "-c", "echo out; echo err >&2"],
  ]);
  assertEquals(result, { code: 0, stdout: "out\n", stderr: "err\n" });
});

test.withEachCli("a piped standard input reaches the container and ends there", async (bench) => {
  const options = { stdin: "hi\n" };
  const cat = await sameAsDirect(bench, ["run", "--rm", "-i", "bb", "cat"], options);
  assertEquals(cat, { code: 0, stdout: "hi\n", stderr: "" });
  const late = ["run", "--rm", "-i", "bb", "sh", "-c", "cat >/dev/null; echo after the end"];
  assertEquals((await sameAsDirect(bench, late, options)).stdout, "after the end\n");
});

test("a megabyte of standard input comes back unharmed", async ({ docker }) => {
  const input = "0123456789abcdef".repeat(65_536);
  const { code, stdout } = await docker.run(["run", "--rm", "-i", "bb", "cat"], { stdin: input });
  assertEquals([code, stdout.length, stdout === input], [0, input.length, true]);
});

test.withEachCli("run -it shows a terminal of the size of the local one", async ({ docker }) => {
  // The CLI sets the size after the start: until then it is "0 0".
  const script =
    "until stty size 2>/dev/null | grep -q 80; do sleep 0.1; done; tty; stty size; exit 4";
  const command = ["run", "--rm", "-it", "bb", "sh", "-c", script];
  await using pty = await docker.terminal(command);
  await pty.waitFor(/\/dev\/pts\/\d+\s+24 80/);
  assertEquals(await pty.wait(), 4);
});

test("Ctrl-C on a terminal interrupts the process in the container", async ({ docker }) => {
  const script = "trap 'echo interrupted; exit 42' INT; echo ready; while :; do sleep 0.1; done";
  await using pty = await docker.terminal(["run", "--rm", "-it", "bb", "sh", "-c", script]);
  await pty.waitFor(/ready/);
  await pty.type("\x03");
  await pty.waitFor(/interrupted/);
  assertEquals(await pty.wait(), 42);
});

test.withEachCli("signals sent to the CLI reach the container", async ({ docker }) => {
  const script = "trap 'echo interrupted; exit 42' INT; echo ready; while :; do sleep 0.1; done";
  await using child = docker.spawn(["run", "--rm", "bb", "sh", "-c", script]);
  await child.waitFor(/ready/);
  child.kill("SIGINT");
  await child.waitFor(/interrupted/);
  assertEquals(await child.wait(), 42);
});

test("a detached container runs, stops and goes", async (bench) => {
  const name = uniqueName("detached");
  assertMatch(
    await bench.docker.ok(["run", "-d", "--name", name, "bb", "sleep", "600"]),
    /^[0-9a-f]{64}$/,
  );
  await sameAsDirect(bench, ["inspect", name]);
  await sameAsDirect(bench, ["top", name, "-o", "pid,args"]);
  assertEquals(await bench.docker.ok(["rm", "-f", name]), name);
  assertEquals((await sameAsDirect(bench, ["inspect", name])).code, 1);
});
