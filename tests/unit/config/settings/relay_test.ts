/** The relay's command lines and files, as the manual of an earlier tool prints them. */
import { parseCommandLine } from "../../../../lib/cli/args.ts";
import { loadValues } from "../../../../lib/config/load.ts";
import {
  type KeygenSettings,
  keygenSettings,
  relayServerSettings,
  relaySettings,
} from "../../../../lib/config/settings/relay.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { type Machine, testSystem } from "../../../support/command_line.ts";

const WINDOWS: Machine = {
  platform: "windows",
  home: "C:\\Users\\user",
  cwd: "C:\\Users\\user",
  env: { LOCALAPPDATA: "C:\\Users\\user\\AppData\\Local" },
};

async function load(args: readonly string[], machine: Machine = {}) {
  const system = testSystem(machine);
  const invocation = parseCommandLine(args, system.cwd);
  assert(invocation.kind === "run", `${args.join(" ")} runs nothing`);
  const { command, flags } = invocation;
  return { command, system, loaded: await loadValues({ ...system, command, flags }) };
}

async function server(args: readonly string[], machine: Machine = {}) {
  const { command, system, loaded } = await load(args, machine);
  assertEquals(command, "relay-server");
  return relayServerSettings(loaded, system.place, system.isFile);
}

async function relay(args: readonly string[], machine: Machine = {}) {
  const { command, system, loaded } = await load(args, machine);
  assertEquals(command, "relay");
  return relaySettings(loaded, system.place);
}

Deno.test("the server's printed command line needs no command", async () => {
  const { server: it, end } = await server([
    ...["--host", "127.0.0.1", "--port", "20022", "--identity-path", "/home/dev/.ssh/id_rsa"],
    ...["--buffer-size", "8192", "--watch-process-termination", "--parent-process-pid", "4242"],
  ]);
  assertEquals([it.host, it.port, it.maxRead], ["127.0.0.1", 20022, 8192]);
  assertEquals(it.hostKeyFile, "/home/dev/.ssh/id_rsa");
  assertEquals(it.keys, { file: "/home/dev/.ssh/authorized_keys", lines: [] });
  assertEquals(it.doors, { sockets: ["/var/run/docker.sock"], tcp: [] });
  assertEquals(end, {
    watchParent: true,
    parentPid: 4242,
    pollIntervalMs: 2000,
    maxWaitMs: 5000,
    onStdinEnd: false,
  });
});

Deno.test("the relay's printed command line needs no command", async () => {
  const it = await relay([
    ...["--named-pipe", "npipe:////./pipe/container-desktop"],
    ...["--ssh-connection", "ssh://user@127.0.0.1:20022", "--distribution", "Ubuntu"],
    ...["--relay-program-path", "C:\\path\\to\\relay-linux"],
    ...["--identity-path", "C:\\Users\\user\\.ssh\\id_rsa", "--watch-process-termination"],
  ], WINDOWS);
  assertEquals(it, {
    listen: "npipe:////./pipe/container-desktop",
    ssh: { host: "127.0.0.1", user: "user", port: 20022 },
    sshTimeoutMs: 5000,
    maxRetries: 5,
    maxConnections: 1000,
    pauses: {},
    identityFile: "C:\\Users\\user\\.ssh\\id_rsa",
    remoteDocker: { kind: "unix", path: "/var/run/docker.sock" },
    server: {
      distribution: "Ubuntu",
      program: "C:\\path\\to\\relay-linux",
      watchParent: true,
      pollIntervalMs: 2000,
      maxWaitMs: 5000,
    },
  });
});

Deno.test("the printed files are read, and a plain number of a duration counts seconds", async () => {
  const json = `{
    "host": "127.0.0.1", "port": 20022, "buffer_size": 8192, "max_connections": 100,
    "connect_timeout": "5s", "health_check_enabled": true, "health_check_port": 20080,
    "metrics_enabled": true, "metrics_port": 20090, "secure_host_key": true
  }`;
  const files = { "/project/config.json": json };
  const words = ["relay-server", "--config", "config.json"];
  const { server: it } = await server(words, { files });
  assertEquals([it.maxConnections, it.connectTimeoutMs, it.maxRead], [100, 5000, 8192]);
  const tuned = {
    "/project/config.json": '{"buffer_size": 16384, "max_connections": 200,' +
      ' "read_timeout": "60s", "write_timeout": "60s"}',
  };
  const { maxConnections, pauses } = (await server(words, { files: tuned })).server;
  assertEquals([maxConnections, pauses], [200, { readMs: 60_000, writeMs: 60_000 }]);
  const { end } = await server(["--poll-interval", "1", "--max-request-wait-time=3s"]);
  assertEquals([end.pollIntervalMs, end.maxWaitMs], [1000, 3000]);
});

Deno.test("an earlier tool's process id of -1 means none", async () => {
  for (const args of [["--parent-process-pid=-1"], ["--parent-process-pid", "-1"]]) {
    assertEquals((await server(args)).end.parentPid, undefined);
  }
});

Deno.test("the host key is the usual one if it is there, else one of the server's own", async () => {
  const usual = { "/home/dev/.ssh/id_rsa": "" };
  assertEquals(
    (await server(["relay-server"], { files: usual })).server.hostKeyFile,
    "/home/dev/.ssh/id_rsa",
  );
  assertEquals(
    (await server(["relay-server"])).server.hostKeyFile,
    "/home/dev/.local/state/remote-docker-agent/relay/host_ed25519",
  );
  const env = { XDG_STATE_HOME: "/var/state" };
  assertEquals(
    (await server(["relay-server"], { env })).server.hostKeyFile,
    "/var/state/remote-docker-agent/relay/host_ed25519",
  );
});

Deno.test("a host key is checked unless the server is on this machine, or as told", async () => {
  const known = "/home/dev/.ssh/known_hosts";
  const cases: [string[], string | undefined][] = [
    [["--ssh-connection", "ssh://u@127.0.0.1:20022"], undefined],
    [["--ssh-connection", "ssh://u@localhost"], undefined],
    [["--ssh-connection", "ssh://u@gpu.example.com"], known],
    [["--ssh-connection", "ssh://u@127.0.0.1", "--secure-host-key=true"], known],
    [["--ssh-connection", "ssh://u@gpu", "--no-secure-host-key"], undefined],
    [["--ssh-connection", "u@gpu", "--known-hosts-path", "/k"], "/k"],
  ];
  for (const [args, expected] of cases) {
    assertEquals((await relay(args)).knownHostsFile, expected, args.join(" "));
  }
});

Deno.test("what is missing is named", async () => {
  const cases: [string[], string][] = [
    [["relay"], "Missing --ssh-connection"],
    [["relay", "--distribution", "Ubuntu"], "Missing --relay-program-path, which --distribution"],
    [["relay", "--ssh-connection", "u@h", "--relay-program-path", "/x"], "Missing --distribution"],
    [["relay-server", "--allow-tcp", "db"], 'Invalid value "db" for --allow-tcp'],
  ];
  for (const [args, message] of cases) {
    await assertRejects(() => args[0] === "relay" ? relay(args) : server(args), Error, message);
  }
  await assertRejects(() => server(["relay-server"], { home: null }), Error, "home directory");
});

Deno.test("keygen makes ed25519, and RSA where that is asked for or customary", async () => {
  const cases: [string[], string, string][] = [
    [["keygen"], "/home/dev/.ssh/id_ed25519", "ed25519"],
    [["--generate-key-pair"], "/home/dev/.ssh/id_rsa", "rsa"],
    [["relay", "--generate-key-pair"], "/home/dev/.ssh/id_rsa", "rsa"],
    [["keygen", "--type", "rsa"], "/home/dev/.ssh/id_ed25519", "rsa"],
    [["keygen", "--identity-path", "id_rsa"], "/project/id_rsa", "rsa"],
    [["keygen", "--identity-path", "key"], "/project/key", "ed25519"],
    [["keygen", "--identity-path", "id_rsa", "--type=ed25519"], "/project/id_rsa", "ed25519"],
  ];
  for (const [args, path, kind] of cases) {
    const { system, loaded } = await load(args);
    assertEquals(
      keygenSettings(loaded, system.place),
      { path, kind } as KeygenSettings,
      args.join(" "),
    );
  }
});
