/** `relay-server` as others meet it: OpenSSH's client, our own transport, and its own end. */
import { cleanEnvironment } from "../support/agent.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { Child, runCommand } from "../support/child.ts";
import { pause, until } from "../support/poll.ts";
import { request } from "../support/raw_http.ts";
import { isRunning, relayTest, untilPing } from "../support/relay_program.ts";

relayTest("OpenSSH's client forwards a socket to it", async (home) => {
  const { port } = await home.server();
  const local = `${home.directory}/local.sock`;
  home.own(
    new Child("ssh", [
      ...home.sshOptions(port),
      ...["-N", "-L", `${local}:${home.engineSocket}`, "anyone@127.0.0.1"],
    ]),
  );
  await untilPing(local);
  const body = "x".repeat(1_000_000);
  assertEquals((await request(local, "POST /echo", { body })).body, body);
});

relayTest("an RSA key of keygen signs in with OpenSSH's client, too", async (home) => {
  assertEquals(await home.spawn(["--generate-key-pair"]).wait(), 0);
  const { port } = await home.server(["--identity-path", `${home.directory}/host_key`]);
  const local = `${home.directory}/local.sock`;
  const options = home.sshOptions(port).map((it) =>
    it === home.key ? `${home.directory}/.ssh/id_rsa` : it
  );
  home.own(
    new Child("ssh", [...options, "-N", "-L", `${local}:${home.engineSocket}`, "x@127.0.0.1"]),
  );
  await untilPing(local);
});

relayTest("OpenSSH's client gets no shell, no command, no sftp and no other door", async (home) => {
  const { port } = await home.server();
  const ssh = home.sshOptions(port);
  const refused = async (command: string, args: string[], input = "") => {
    const { code, stderr } = await runCommand(command, args, { stdin: input });
    assert(code !== 0, `${command} ${args.join(" ")} succeeds`);
    return stderr;
  };
  assertMatch(await refused("ssh", [...ssh, "anyone@127.0.0.1", "id"]), /prohibited/);
  assertMatch(await refused("ssh", [...ssh, "anyone@127.0.0.1"]), /prohibited/);
  const sftp = ssh.map((word) => word === "-p" ? "-P" : word);
  await refused("sftp", [...sftp, "anyone@127.0.0.1"], "ls\n");
  assertMatch(
    await refused("ssh", [...ssh, "-W", `127.0.0.1:${port}`, "anyone@127.0.0.1"]),
    /open failed/,
  );
  assertMatch(
    await refused("ssh", [...ssh, "-N", "-R", "0:127.0.0.1:1", "anyone@127.0.0.1"]),
    /forwarding failed/,
  );
});

relayTest("the agent itself reaches an engine through it", async (home) => {
  const { port } = await home.server();
  const socket = `${home.directory}/agent.sock`;
  const agent = home.spawn([
    ...["start", "--ssh-host", `anyone@127.0.0.1:${port}`, "--ssh-key", home.key],
    ...["--ssh-config", "none", "--ssh-known-hosts", `${home.directory}/known_hosts`],
    ...["--ssh-strict-host-key-checking", "accept-new"],
    ...["--remote-docker", `unix://${home.engineSocket}`, "--listen", `unix://${socket}`],
  ]);
  await agent.waitFor(/export DOCKER_HOST=/);
  await untilPing(socket);
});

relayTest("a stranger's key is not let in", async (home) => {
  const { child, port } = await home.server();
  const stranger = `${home.directory}/strange/id_ed25519`;
  assertEquals(await home.spawn(["keygen", "--identity-path", stranger]).wait(), 0);
  const options = home.sshOptions(port).map((word) => word === home.key ? stranger : word);
  const { code, stderr } = await runCommand("ssh", [...options, "anyone@127.0.0.1", "-N"]);
  assertEquals(code, 255);
  assertMatch(stderr, /Permission denied \(publickey\)/);
  assertEquals(child.exitCode, undefined);
});

relayTest("it ends when its parent has ended", async (home) => {
  await using parent = new Child("sleep", ["600"]);
  const { child } = await home.server([
    ...["--watch-process-termination", "--parent-process-pid", String(parent.pid)],
    ...["--poll-interval", "1"],
  ]);
  await pause(1_500); // one look at a parent that lives
  assertEquals(child.exitCode, undefined);
  parent.kill("SIGKILL");
  assertEquals(await child.wait(), 0);
  assertMatch(child.output, /the parent process has ended/);
});

relayTest("a parent that is not there at all ends it at once", async (home) => {
  await using gone = new Child("true", []);
  await gone.wait();
  const { child } = await home.server([
    ...["--watch-process-termination", "--parent-process-pid", String(gone.pid)],
  ]);
  assertEquals(await child.wait(), 0);
});

relayTest("without a process id it watches the one that started it", async (home) => {
  const { program } = await home.fakeWsl();
  const script = `'${program}' relay-server --port 0 --watch-process-termination ` +
    `--poll-interval 1 --allow-socket '${home.engineSocket}' & echo "pid=$!"; wait`;
  await using shell = new Child("sh", ["-c", script], {
    env: { ...cleanEnvironment(), HOME: home.directory },
  });
  const pid = Number((await shell.waitFor(/pid=(\d+)/))[1]);
  await shell.waitFor(/Listening on ssh/);
  shell.kill("SIGKILL");
  await until("the server ends with the shell", () => !isRunning(pid));
});

relayTest("it ends with its standard input if told so", async (home) => {
  const { child } = await home.server(["--stop-on-stdin-end"]);
  await child.write("what is on it does not matter\n");
  await child.closeStdin();
  assertEquals(await child.wait(), 0);
  assertMatch(child.output, /standard input has ended/);
});

relayTest("a port in use is one line and exit code 3", async (home) => {
  const { port } = await home.server();
  const second = home.spawn(["relay-server", "--port", String(port)]);
  assertEquals(await second.wait(), 3);
  assertMatch(second.stderr, /Cannot listen on "127\.0\.0\.1:\d+": the address is in use/);
});
