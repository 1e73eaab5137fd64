import type { Agent } from "../../../lib/app/agent.ts";
import type { StartAgent } from "../../../lib/cli/commands/start.ts";
import { run } from "../../../lib/cli/run.ts";
import metadata from "../../../deno.json" with { type: "json" };
import { OPTION_NAMES, specOf } from "../../../lib/config/schema.ts";
import { AgentError, EXIT_CODES } from "../../../lib/errors.ts";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "../../support/assert.ts";
import { type Machine, testSystem } from "../../support/command_line.ts";

const HOST = ["--ssh-host", "dev@gpu"];

/** An agent without a network, and what was done to it. */
function testAgent(options: { addresses?: string[]; drains?: Promise<void> } = {}) {
  const { addresses = ["tcp://127.0.0.1:2375"], drains = Promise.resolve() } = options;
  const failed = Promise.withResolvers<Error>();
  const shutdowns: number[] = [];
  const agent: Agent = {
    hosts: [{ remote: "ssh://dev@gpu", addresses }],
    failed: failed.promise,
    finished: new Promise(() => {}),
    shutdown: (timeoutMs) => (shutdowns.push(timeoutMs), drains),
  };
  const startAgent: StartAgent = () => Promise.resolve(agent);
  return { startAgent, shutdowns, fail: failed.resolve };
}

const noAgent: StartAgent = () => Promise.reject(new Error("must not be started"));

/** The relay's commands write keys and open ports, so none of them is run here. */
const noRelay = () => Promise.reject(new AgentError("usage", "Not in this test"));

async function runOn(args: string[], machine: Machine = {}, startAgent = noAgent) {
  const system = testSystem(machine);
  const code = await run(args, { startAgent, runRelay: noRelay, system });
  assertEquals(system.handlers(), 0);
  return { code, stdout: system.stdout(), stderr: system.stderr() };
}

Deno.test("help and version go to standard output and need no settings", async () => {
  const env = { RDA_TIMEOUT: "nonsense" };
  const help = await runOn(["--help"], { env });
  assertEquals([help.code, help.stderr], [0, ""]);
  assertStringIncludes(help.stdout, "Usage: remote-docker-agent");
  const version = await runOn(["version"], { env });
  assertEquals(version.stdout, `remote-docker-agent ${metadata.version}\n`);
});

Deno.test("a mistake is one line on standard error and exit code 2", async () => {
  const { code, stdout, stderr } = await runOn(["--ssh-hots=x"]);
  assertEquals([code, stdout], [2, ""]);
  assertEquals(
    stderr,
    'remote-docker-agent: Unknown flag "--ssh-hots"; did you mean --ssh-host?\n',
  );
});

Deno.test("what a peer said is shown, and nothing that a terminal obeys", async () => {
  const failing: StartAgent = () =>
    Promise.reject(new AgentError("engine", "The gateway said \u001b]0;x\u0007\u202eabc"));
  const { stderr } = await runOn(HOST, {}, failing);
  assertEquals(
    stderr.replace(/^.*level=.*\n/gm, ""),
    "remote-docker-agent: The gateway said \\u001b]0;x\\u0007\\u202eabc\n",
  );
});

Deno.test("the exit code follows the kind of the error", async () => {
  for (const [kind, code] of [["listen", 3], ["unreachable", 4], ["host-key", 6]] as const) {
    const failing: StartAgent = () =>
      Promise.reject(new AgentError(kind, 'Cannot reach "gpu"', { hint: "check the name" }));
    const result = await runOn(HOST, {}, failing);
    assertEquals(result.code, code);
    assertEquals(result.stderr, 'remote-docker-agent: Cannot reach "gpu"; check the name\n');
  }
});

Deno.test("a defect is one line, and its stack is shown at level debug only", async () => {
  const failing: StartAgent = () => {
    throw new TypeError("x is not\na function", { cause: new Error("root") });
  };
  const quiet = await runOn(HOST, {}, failing);
  assertEquals(quiet.code, 1);
  assertMatch(quiet.stderr, /^remote-docker-agent: Internal error: x is not a function; [^\n]*\n$/);
  const { stderr } = await runOn([...HOST, "--log-level=debug"], {}, failing);
  assertStringIncludes(stderr, "run_test.ts");
  assertStringIncludes(stderr, "cli: root");
});

Deno.test("a start says what to export, and a signal drains and ends with 0", async () => {
  const { startAgent, shutdowns } = testAgent({
    addresses: ["tcp://127.0.0.1:2375", "unix:///tmp/a b.sock"],
  });
  const system = testSystem();
  const done = run([...HOST, "--shutdown-timeout=3s"], { startAgent, system });
  await system.announced;
  assertEquals(
    system.stdout(),
    "export DOCKER_HOST=tcp://127.0.0.1:2375\n# export DOCKER_HOST='unix:///tmp/a b.sock'\n",
  );
  assertStringIncludes(
    system.stderr(),
    "start: Listening on tcp://127.0.0.1:2375 for ssh://dev@gpu\n",
  );
  system.signal("SIGTERM");
  assertEquals(await done, 0);
  assertEquals(shutdowns, [3000]);
  assertEquals(system.handlers(), 0);
});

Deno.test("Windows is told in its own shell's words", async () => {
  const { startAgent } = testAgent({ addresses: ["npipe:////./pipe/docker"] });
  const system = testSystem({ platform: "windows", home: "C:\\Users\\dev", cwd: "C:\\" });
  const done = run(HOST, { startAgent, system });
  await system.announced;
  assertEquals(system.stdout(), '$env:DOCKER_HOST = "npipe:////./pipe/docker"\n');
  system.signal("SIGBREAK");
  assertEquals(await done, 0);
});

Deno.test("clients of a TLS listener are told to verify", async () => {
  const { startAgent } = testAgent({ addresses: ["tcp://10.0.0.5:2376"] });
  const system = testSystem();
  const flags = ["--allow-remote-clients", "--tls-cert=c", "--tls-key=k", "--tls-ca=a"];
  const done = run([...HOST, ...flags], { startAgent, system });
  await system.announced;
  assertEquals(system.stdout(), "export DOCKER_HOST=tcp://10.0.0.5:2376 DOCKER_TLS_VERIFY=1\n");
  system.signal("SIGINT");
  assertEquals(await done, 0);
});

Deno.test("a second signal ends at once with the code of that signal", async () => {
  const cases = [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129], ["SIGBREAK", 149]] as const;
  for (const [signal, code] of cases) {
    const drains = Promise.withResolvers<void>();
    const { startAgent } = testAgent({ drains: drains.promise });
    const system = testSystem();
    const done = run(HOST, { startAgent, system });
    await system.announced;
    system.signal("SIGTERM");
    system.signal(signal);
    assertEquals(await done, code);
    drains.resolve();
  }
});

Deno.test("a signal during the start gives it up", async () => {
  const begun = Promise.withResolvers<void>();
  const startAgent: StartAgent = (_settings, signal) => {
    begun.resolve();
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason))
    );
  };
  const system = testSystem();
  const done = run(HOST, { startAgent, system });
  await begun.promise;
  system.signal("SIGINT");
  assertEquals(await done, 130);
  assertEquals([system.stdout(), system.stderr()], ["", ""]);
});

Deno.test("an agent that comes up after it was given up is shut down", async () => {
  const begun = Promise.withResolvers<void>();
  const late = Promise.withResolvers<Agent>();
  const shutdowns: number[] = [];
  const startAgent: StartAgent = () => (begun.resolve(), late.promise);
  const system = testSystem();
  const done = run(HOST, { startAgent, system });
  await begun.promise;
  system.signal("SIGTERM");
  const failed = new Promise<Error>(() => {});
  const shutdown = (timeoutMs: number) => (shutdowns.push(timeoutMs), Promise.resolve());
  late.resolve({ hosts: [], failed, finished: failed.then(String), shutdown });
  assertEquals(await done, 143);
  assertEquals(shutdowns, [0]);
});

Deno.test("an agent that cannot go on is closed and its reason reported", async () => {
  const { startAgent, shutdowns, fail } = testAgent();
  const system = testSystem({ isTerminal: false });
  const done = run(HOST, { startAgent, system });
  await system.announced;
  fail(new AgentError("host-key", 'Host key of "gpu" has changed', { hint: "ask its owner" }));
  assertEquals(await done, 6);
  assertEquals(shutdowns, [0]);
  assertStringIncludes(
    system.stderr(),
    'remote-docker-agent: Host key of "gpu" has changed; ask its owner\n',
  );
});

Deno.test("an error that nobody caught ends the program in one line", async () => {
  const { startAgent } = testAgent();
  const system = testSystem();
  const done = run(HOST, { startAgent, system });
  await system.announced;
  system.uncaught(new TypeError("lost"));
  assertEquals(await done, 1);
  assertStringIncludes(system.stderr(), "\nremote-docker-agent: Internal error: lost; ");
  system.signal("SIGTERM");
});

/** A small generator with a fixed seed (mulberry32), so that a failure can be repeated. */
function randomness(seed: number): (below: number) => number {
  return (below) => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

/** Options that alone never make a command line complete, so that nothing can be started. */
const NAMES = OPTION_NAMES.filter((name) =>
  name !== "ssh-host" && specOf(name).commands.includes("start")
);

const SCRAPS = [
  "-",
  "--",
  "---",
  "=",
  "",
  " ",
  "\n",
  "\0",
  "é",
  "🐳",
  "\ud800",
  "a",
  "9",
  "start",
  "help",
  "none",
  "~",
  "~x",
  "10s",
  "true",
  "%00",
  "..",
  "/",
  "\\",
  '"',
  "$(id)",
  "[",
  "@",
  ":",
  "x".repeat(5000),
  ...NAMES,
  ...NAMES.map((name) => `--${name}`),
];

/** Among so much nonsense some makes sense, such as a host of an odd name. */
const unreachable: StartAgent = () =>
  Promise.reject(new AgentError("unreachable", "Cannot reach it"));

Deno.test("nonsense always ends in one line", async () => {
  const random = randomness(20);
  const scrap = () => SCRAPS[random(SCRAPS.length)] ?? "";
  for (let round = 0; round < 3000; round++) {
    const args = Array.from({ length: 1 + random(4) }, () => scrap() + scrap() + scrap());
    const { code, stderr } = await runOn(args, {}, unreachable);
    const shown = JSON.stringify(args).slice(0, 300);
    if (code === 0) continue;
    const expected = stderr.endsWith("Cannot reach it\n") ? EXIT_CODES.unreachable : 2;
    assertEquals(code, expected, `${shown}: ${stderr}`);
    assertMatch(stderr, /^remote-docker-agent: [^\n]{1,600}\n$/, shown);
  }
});

Deno.test("a nonsense file never starts anything and always ends in one line", async () => {
  const random = randomness(21);
  const scraps = ["ssh_host", "listen", ": ", "\n", "- ", "[", "]", "{", "}", "&a", "*a", "'", '"'];
  for (let round = 0; round < 2000; round++) {
    const pick = () => scraps[random(scraps.length)] ?? "";
    const text = Array.from({ length: 1 + random(12) }, pick).join("");
    const files = { "/project/c.yaml": `transport: mtls\n${text}` };
    const { code, stderr } = await runOn(["--config=c.yaml"], { files });
    assertEquals(code, 2, text + stderr);
    assertMatch(stderr, /^remote-docker-agent: [^\n]{1,600}\n$/, text);
    assert(!stderr.includes("    at "), text);
  }
});
