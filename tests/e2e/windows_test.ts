/**
 * The Windows side for real, under Wine: the named pipe with several clients in a row and at once,
 * the relay to a server on the Linux side, file names, Ctrl-C.
 */
import { assertEquals, assertMatch } from "../support/assert.ts";
import { runOk } from "../support/child.ts";
import { ON_WINDOWS, onWindows, type Wine } from "../support/wine.ts";

const test = await onWindows();

const PIPE = "npipe:////./pipe/container-desktop";
const PIPE_PATH = "\\\\.\\pipe\\container-desktop";

/** Runs COUNT exchanges in a row and COUNT at once. */
async function useThePipe(wine: Wine, count: number): Promise<void> {
  const client = wine.script("tests/support/pipe_client.ts", [PIPE_PATH, String(count)]);
  const code = await client.wait();
  assertEquals(client.stdout.trim(), JSON.stringify({ exchanges: 2 * count, errors: [] }));
  assertEquals(code, 0);
}

test("relay: a named pipe leads to a socket behind our server on Linux", async (sides) => {
  const { wine, linux } = sides;
  const { port } = await linux.server();
  const relay = wine.agent([
    ...["relay", "--ssh-connection", `ssh://user@127.0.0.1:${port}`],
    ...["--identity-path", `${ON_WINDOWS.shared}\\.ssh\\id_ed25519`],
    ...["--remote-docker", `unix://${linux.engineSocket}`],
    ...["--tid-path", "C:\\users\\root\\relay.tid"],
  ]);
  await relay.child.waitFor(
    /\$env:DOCKER_HOST = "npipe:\/\/\/\/\.\/pipe\/container-desktop"/,
    300_000,
  );
  assertMatch(await Deno.readTextFile(wine.driveC("users/root/relay.tid")), /^\d+\n$/);
  await useThePipe(wine, 10);
  await useThePipe(wine, 200);
  await relay.ctrlC();
  assertEquals(await relay.wait(), 0);
  assertMatch(relay.child.stderr, /Shutting down/);
});

test("start: the agent listens on a named pipe", async ({ wine, linux }) => {
  const { port } = await linux.server();
  const agent = wine.agent([
    ...["start", "--listen", PIPE, "--ssh-host", `user@127.0.0.1:${port}`],
    ...["--ssh-key", `${ON_WINDOWS.shared}/.ssh/id_ed25519`, "--ssh-config", "none"],
    ...["--ssh-known-hosts", `${ON_WINDOWS.home}\\known_hosts`],
    ...["--ssh-strict-host-key-checking", "accept-new"],
    ...["--remote-docker", `unix://${linux.engineSocket}`],
  ]);
  await agent.child.waitFor(/\$env:DOCKER_HOST/, 300_000);
  await useThePipe(wine, 30);
  await agent.ctrlC();
  assertEquals(await agent.wait(), 0);
});

test("keygen: drive letters, either slash, and a home of one's own", async ({ wine }) => {
  const cases = [
    ["C:\\keys\\id_ed25519", "keys/id_ed25519"],
    ["c:/Keys2/id_ed25519", "Keys2/id_ed25519"],
    ["~\\own\\id_ed25519", "users/root/own/id_ed25519"],
  ] as const;
  for (const [asked, made] of cases) {
    const keygen = wine.agent(["keygen", "--identity-path", asked]);
    assertEquals(await keygen.wait(), 0, keygen.child.output);
    const text = await Deno.readTextFile(wine.driveC(`${made}.pub`));
    assertMatch(text, /^ssh-ed25519 \S+ root@/);
    assertMatch(await Deno.readTextFile(wine.driveC(made)), /BEGIN OPENSSH PRIVATE KEY/);
    const folder = made.slice(0, made.lastIndexOf("/"));
    assertEquals(await Deno.readTextFile(wine.driveC(`${folder}/authorized_keys`)), text);
  }
  const usual = wine.agent(["keygen"]);
  assertEquals(await usual.wait(), 0, usual.child.output);
  assertMatch(usual.stdout, /Private key: C:\\users\\root\\\.ssh\\id_ed25519/);
  const again = wine.agent(["keygen"]);
  assertEquals(await again.wait(), 2);
  assertMatch(again.child.stderr, /it is there already/);
});

test("a key made on Windows is read by OpenSSH", async ({ wine, linux }) => {
  const keygen = wine.agent(["keygen", "--identity-path", "C:\\keys\\id_rsa"]);
  assertEquals(await keygen.wait(), 0, keygen.child.output);
  const copy = `${linux.directory}/copy`;
  await Deno.writeTextFile(copy, await Deno.readTextFile(wine.driveC("keys/id_rsa")), {
    mode: 0o600,
  });
  assertMatch(await runOk("ssh-keygen", ["-y", "-f", copy]), /^ssh-rsa /);
  assertMatch(await runOk("ssh-keygen", ["-l", "-f", copy]), /^4096 SHA256:/);
});

test("settings come from the user's folder for applications", async ({ wine }) => {
  const folder = wine.driveC("users/root/AppData/Roaming/remote-docker-agent");
  await Deno.mkdir(folder, { recursive: true });
  await Deno.writeTextFile(`${folder}/config.yaml`, "colour: blue\n");
  const agent = wine.agent(["relay"]);
  assertEquals(await agent.wait(), 2);
  assertMatch(
    agent.child.stderr,
    /C:\\users\\root\\AppData\\Roaming\\remote-docker-agent\\config\.yaml:1:1: unknown key "colour"/,
  );
});

test("the manual's command line asks for wsl.exe, which Wine has not", async ({ wine }) => {
  const keygen = wine.agent(["relay", "--generate-key-pair"], { USERPROFILE: "C:\\Users\\user" });
  assertEquals(await keygen.wait(), 0, keygen.child.output);
  assertMatch(keygen.stdout, /Private key: C:\\\S+\\\.ssh\\id_rsa/);
  const made = /Private key: (\S+)/.exec(keygen.stdout)?.[1] ?? "";
  const relay = wine.agent([
    ...["--named-pipe", PIPE, "--ssh-connection", "ssh://user@127.0.0.1:20022"],
    ...["--distribution", "Ubuntu", "--relay-program-path", "C:\\path\\to\\relay-linux"],
    ...["--identity-path", made, "--watch-process-termination"],
  ]);
  assertEquals(await relay.wait(), 4);
  assertMatch(
    relay.child.stderr,
    /Cannot start the relay server in WSL distribution "Ubuntu".*--exec \/mnt\/c\/path\/to\/relay-linux/,
  );
});
