/**
 * Every command line and curl of the manual of an earlier tool, as it prints them, in a network of
 * their own (its ports are fixed). Only the name of the program differs: `container-desktop-relay-linux`
 * is `relay-server` here and `container-desktop-relay.exe` is `relay`. Its lines for Windows run under
 * Wine in `windows_test.ts`.
 */
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Child, runCommand, runOk } from "../support/child.ts";
import { SKIPPED_BECAUSE } from "../support/e2e.ts";
import { cacheVariables, programCommand, programLine } from "../support/program.ts";
import { RelayHome } from "../support/relay_program.ts";
import { unsupported } from "../support/rig.ts";

/** A network with nothing but loopback, and a shell in it. */
class PrivateNetwork implements AsyncDisposable {
  readonly #holder: Child;
  readonly #home: RelayHome;

  private constructor(holder: Child, home: RelayHome) {
    this.#holder = holder;
    this.#home = home;
  }

  static async open(home: RelayHome): Promise<PrivateNetwork> {
    const script = "ip link set lo up; echo ready; exec sleep infinity";
    const holder = new Child("unshare", ["--net", "sh", "-ec", script]);
    await holder.waitFor(/ready/);
    return new PrivateNetwork(holder, home);
  }

  /** A command line as typed, with the program under its earlier names. */
  #command(line: string): { args: string[]; env: Record<string, string> } {
    const program = programLine();
    const script = line
      .replaceAll(/\S*container-desktop-relay-linux/g, `${program} relay-server`)
      .replaceAll(/\S*container-desktop-relay\.exe/g, `${program} relay`);
    const env = {
      PATH: Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin",
      HOME: this.#home.directory,
      ...cacheVariables(),
      NO_COLOR: "1",
    };
    const target = ["-t", String(this.#holder.pid), "-n", "--"];
    return { args: [...target, "sh", "-c", `cd '${this.#home.directory}'; ${script}`], env };
  }

  /** Runs a line to its end and returns what it prints. */
  run(line: string): Promise<string> {
    const { args, env } = this.#command(line);
    return runOk("nsenter", args, { env });
  }

  /** Starts a line; `exec` makes the shell the program, so that signals reach it. */
  start(line: string): Child {
    const { args, env } = this.#command(line);
    return this.#home.own(new Child("nsenter", args, { env }));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#holder.stop();
  }
}

function manualTest(
  name: string,
  body: (net: PrivateNetwork, home: RelayHome) => Promise<void>,
): void {
  const reason = unsupported()?.replace("the rig", "a network of one's own");
  if (reason !== undefined) {
    return Deno.test.ignore(`${name}${SKIPPED_BECAUSE}${reason}]`, () => {});
  }
  Deno.test(name, async () => {
    await using home = await RelayHome.open();
    await using net = await PrivateNetwork.open(home);
    await body(net, home);
  });
}

manualTest("Generate SSH Keys; Permission Denied", async (net, home) => {
  await net.run("./container-desktop-relay-linux --generate-key-pair");
  await net.run("chmod 600 ~/.ssh/id_rsa");
  const folder = `${home.directory}/.ssh`;
  assertMatch(await runOk("ssh-keygen", ["-l", "-f", `${folder}/id_rsa`]), /^4096 .*\(RSA\)/);
  assertMatch(await net.run("cat ~/.ssh/authorized_keys"), /^ssh-rsa /m);
  const before = await Deno.readTextFile(`${folder}/id_rsa`);
  const [program, ...first] = programCommand();
  const flags = ["--generate-key-pair", `--identity-path=${folder}/id_rsa`];
  const again = await runCommand(program, [...first, ...flags]);
  assertEquals(again.code, 2);
  assertEquals(await Deno.readTextFile(`${folder}/id_rsa`), before);
});

manualTest("Running the SSH Server; Process Won't Terminate", async (net) => {
  await net.run("./container-desktop-relay-linux --generate-key-pair");
  await using parent = new Child("sleep", ["600"]);
  const server = net.start(`exec ./container-desktop-relay-linux \\
  --host 127.0.0.1 \\
  --port 20022 \\
  --identity-path ~/.ssh/id_rsa \\
  --buffer-size 8192 \\
  --watch-process-termination \\
  --parent-process-pid ${parent.pid}`);
  await server.waitFor(/Listening on ssh:\/\/127\.0\.0\.1:20022/);
  await net.run("netstat -an 2>/dev/null | grep 20022 || ss -an | grep 20022");
  parent.kill("SIGKILL");
  assertEquals(await server.wait(), 0);
});

manualTest("Using Configuration File; Health Checks; Metrics", async (net, home) => {
  await Deno.writeTextFile(
    `${home.directory}/config.json`,
    `{
  "host": "127.0.0.1",
  "port": 20022,
  "buffer_size": 8192,
  "max_connections": 100,
  "connect_timeout": "5s",
  "health_check_enabled": true,
  "health_check_port": 20080,
  "metrics_enabled": true,
  "metrics_port": 20090,
  "secure_host_key": true
}`,
  );
  const server = net.start("exec ./container-desktop-relay-linux --config config.json");
  await server.waitFor(/Listening on ssh:\/\/127\.0\.0\.1:20022/);

  const health = JSON.parse(await net.run("curl -sf http://localhost:20080/health"));
  assertEquals(Object.keys(health).slice(0, 7), [
    ...["status", "uptime", "active_connections", "total_connections", "error_count"],
    ...["last_error", "timestamp"],
  ]);
  assertEquals(health.status, "healthy");
  await net.run("curl -sf http://localhost:20080/ready");
  const metrics = JSON.parse(await net.run("curl -sf http://localhost:20090/metrics"));
  for (
    const name of [
      ...["total_connections", "active_connections", "total_bytes_read", "total_bytes_written"],
      ...["total_errors", "connection_errors", "socket_errors", "average_connection_duration"],
      "uptime",
    ]
  ) assert(name in metrics, name);
});

manualTest("Running the Relay Client, with a server of our own", async (net, home) => {
  await net.run("./container-desktop-relay-linux --generate-key-pair");
  const server = net.start(
    `exec ./container-desktop-relay-linux --allow-socket ${home.engineSocket}`,
  );
  await server.waitFor(/Listening on/);
  // A Unix socket in the place of the pipe, which there is on Windows only.
  const relay = net.start(`exec ./container-desktop-relay.exe \\
  --named-pipe "unix://${home.directory}/container-desktop" \\
  --ssh-connection "ssh://user@127.0.0.1:20022" \\
  --remote-docker ${home.engineSocket}`);
  await relay.waitFor(/export DOCKER_HOST/);
  const curl = `curl -sf --unix-socket ${home.directory}/container-desktop http://docker/_ping`;
  assertEquals(await net.run(curl), "OK");
});

manualTest("Host Key Verification", async (net, home) => {
  const server = net.start(
    `exec ./container-desktop-relay-linux --allow-socket ${home.engineSocket}`,
  );
  await server.waitFor(/Listening on/);
  const line = `./container-desktop-relay.exe --named-pipe unix://${home.directory}/p \\
    --ssh-connection ssh://user@127.0.0.1:20022 --identity-path ${home.key} \\
    --remote-docker ${home.engineSocket} --secure-host-key=true`;
  const refused = net.start(`exec ${line}`);
  assertEquals(await refused.wait(), 6);
  await net.run("ssh-keyscan -p 20022 127.0.0.1 > ~/.ssh/known_hosts");
  await net.start(`exec ${line}`).waitFor(/export DOCKER_HOST/);
});

manualTest("Enabling Trace Logging; Tuning", async (net, home) => {
  await Deno.writeTextFile(
    `${home.directory}/tuning.json`,
    `{
  "buffer_size": 16384,
  "max_connections": 200,
  "read_timeout": "60s",
  "write_timeout": "60s"
}`,
  );
  for (const line of ["", " --config tuning.json", " --poll-interval 1"]) {
    const server = net.start(`LOG_LEVEL=trace exec ./container-desktop-relay-linux${line}`);
    await server.waitFor(/Listening on ssh:\/\/127\.0\.0\.1:20022/);
    assertEquals(await server.stop(), 0);
  }
});
