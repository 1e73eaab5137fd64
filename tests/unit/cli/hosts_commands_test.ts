import type { Agent } from "../../../lib/app/agent.ts";
import { parseCommandLine } from "../../../lib/cli/args.ts";
import { runEnv, shellOf } from "../../../lib/cli/commands/env.ts";
import { runWith, type Spawn } from "../../../lib/cli/commands/run_with.ts";
import type { StartAgent } from "../../../lib/cli/commands/start.ts";
import type { Configuration } from "../../../lib/config/configuration.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../../support/assert.ts";
import { type Machine, testSystem } from "../../support/command_line.ts";

const FILE = "/home/dev/.config/remote-docker-agent/config.yaml";
const HOSTS = `hosts:
  - { name: gpu, ssh_host: gpu, listen: "unix:///run/it's.sock" }
  - { name: prod, ssh_host: prod, listen: [127.0.0.1:0, 127.0.0.1:2376] }
`;

function commandRun(args: string[], machine: Machine, startAgent: StartAgent) {
  const system = testSystem({ files: { [FILE]: HOSTS }, ...machine });
  const { place, cwd, isTerminal, readFile } = system;
  const invocation = parseCommandLine(args, cwd);
  assert(invocation.kind === "run");
  const { command, flags } = invocation;
  const sources = { command, flags, place, cwd, isTerminal, readFile };
  return { invocation, sources, system, startAgent };
}

const noAgent: StartAgent = () => Promise.reject(new AgentError("unreachable", "no way"));

async function env(args: string[], machine: Machine = {}): Promise<string> {
  const run = commandRun(["env", ...args], machine, noAgent);
  assertEquals(await runEnv(run), 0);
  return run.system.stdout();
}

Deno.test("each shell is told in its own words where a host is", async () => {
  assertEquals(
    await env(["gpu", "--shell=sh"]),
    `export DOCKER_HOST='unix:///run/it'\\''s.sock'\n# eval "$(remote-docker-agent env gpu)"\n`,
  );
  assertEquals(
    await env(["gpu", "--shell=fish"], { env: { DOCKER_TLS_VERIFY: "1" } }),
    "set -e DOCKER_TLS_VERIFY\nset -gx DOCKER_HOST 'unix:///run/it\\'s.sock'\n" +
      "# remote-docker-agent env gpu | source\n",
  );
  assertMatch(
    await env(["prod", "--shell=powershell"]),
    /^\$env:DOCKER_HOST = 'tcp:\/\/127\.0\.0\.1:2376'\n# remote-docker-agent env prod \| Out-String/,
  );
  assertEquals(
    await env(["prod", "--shell=cmd"], { env: { DOCKER_TLS_VERIFY: "1" } }),
    "set DOCKER_TLS_VERIFY=\nset DOCKER_HOST=tcp://127.0.0.1:2376\n" +
      "rem for /f \"delims=\" %i in ('remote-docker-agent env prod --shell cmd') do @%i\n",
  );
  await assertRejects(() => env([]), AgentError, "Cannot tell which remote host is meant");
  await assertRejects(() => env(["cpu"]), AgentError, 'There is no host "cpu"');
});

Deno.test("the shell is known by its variables", () => {
  const table: [typeof Deno.build.os, Record<string, string>, string][] = [
    ["linux", { SHELL: "/bin/bash" }, "sh"],
    ["linux", { SHELL: "/usr/bin/fish" }, "fish"],
    ["linux", { SHELL: "/bin/bash", PSModulePath: "/opt" }, "powershell"],
    ["linux", {}, "sh"],
    ["windows", {}, "powershell"],
    ["windows", { SHELL: "C:\\git\\bash.exe" }, "sh"],
  ];
  for (const [platform, env, expected] of table) {
    assertEquals(shellOf({ platform, home: "/", env }), expected, JSON.stringify(env));
  }
});

/** Runs a command with an agent that is not one; tells what was asked for. */
function testRun(args: string[], exit: Promise<number> | Error, machine: Machine = {}) {
  const seen: { configuration?: Configuration; vars?: Record<string, string> } = {};
  const killed: string[] = [];
  const spawned = Promise.withResolvers<void>();
  let ended = 0;
  const startAgent: StartAgent = (configuration) => {
    seen.configuration = configuration;
    const [host] = configuration.hosts;
    const agent: Agent = {
      hosts: [{ remote: "ssh://gpu", addresses: host?.listen ?? [] }],
      failed: new Promise(() => {}),
      finished: new Promise(() => {}),
      shutdown: () => Promise.resolve(void ended++),
    };
    return Promise.resolve(agent);
  };
  const spawn: Spawn = (_command, vars) => {
    seen.vars = vars;
    spawned.resolve();
    if (exit instanceof Error) throw exit;
    return { exit, kill: (signal) => void killed.push(signal) };
  };
  const run = commandRun(["run", ...args], machine, startAgent);
  return {
    code: runWith(run, spawn),
    seen,
    killed,
    spawned: spawned.promise,
    system: run.system,
    ended: () => ended,
  };
}

Deno.test("a command gets an agent of its own, whose address nobody else knows", async () => {
  const { code, seen, ended, system } = testRun(
    ["gpu", "--", "docker", "ps", "--all"],
    Promise.resolve(7),
  );
  assertEquals([await code, ended(), system.handlers()], [7, 1, 0]);
  const { hosts: [host], isNamed, program } = seen.configuration ?? { hosts: [] };
  assertEquals([host?.sshHost, host?.name, isNamed, program?.ops.listen], [
    "gpu",
    undefined,
    false,
    [],
  ]);
  assertMatch(
    seen.vars?.["DOCKER_HOST"] ?? "",
    /^unix:\/\/.*\/remote-docker-agent-\w+\/docker\.sock$/,
  );
  assertEquals(seen.vars?.["DOCKER_CONTEXT"], "");
  const path = (seen.vars?.["DOCKER_HOST"] ?? "").replace("unix://", "");
  await assertRejects(() => Deno.stat(path.replace("/docker.sock", "")), Deno.errors.NotFound);
});

Deno.test("flags lead to a host without a file", async () => {
  const { code, seen } = testRun(["--ssh-host=x", "--", "true"], Promise.resolve(0), { files: {} });
  assertEquals([await code, seen.configuration?.hosts[0]?.sshHost], [0, "x"]);
});

Deno.test("a command that is not there ends with 127, and the agent ends too", async () => {
  const { code, ended, system } = testRun(["gpu", "--", "nope"], new Deno.errors.NotFound("nope"));
  assertEquals([await code, ended()], [127, 1]);
  assertEquals(
    system.stderr(),
    'remote-docker-agent: Cannot run "nope": there is no such command\n',
  );
});

Deno.test("signals go to the command, but for those that it has from the terminal", async () => {
  const over = Promise.withResolvers<number>();
  const { code, spawned, killed, system } = testRun(["gpu", "--", "sleep"], over.promise);
  await spawned;
  await Promise.resolve();
  system.signal("SIGINT");
  system.signal("SIGTERM");
  over.resolve(143);
  assertEquals([await code, killed], [143, ["SIGTERM"]]);
});
