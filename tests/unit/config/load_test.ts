import { AgentError, describeError } from "../../../lib/errors.ts";
import { MAX_FILE_BYTES } from "../../../lib/config/file/text_file.ts";
import { describeRemote } from "../../../lib/config/settings/settings.ts";
import { assert, assertEquals, assertRejects } from "../../support/assert.ts";
import { DEFAULT_SETTINGS, type Machine, plain, settingsFor } from "../../support/command_line.ts";

const HOST = ["--ssh-host", "gpu"];
const OWN_FILE = "/home/dev/.config/remote-docker-agent/config.yaml";

Deno.test("defaults are complete", async () => {
  const expected = { ...DEFAULT_SETTINGS, sshHost: "gpu" };
  assertEquals<unknown>(plain(await settingsFor(HOST)), expected);
});

Deno.test("flags come before the environment, that before the file, that before defaults", async () => {
  const file = { [OWN_FILE]: "ssh_host: from-file\ntimeout: 1s\nlog_level: warn\n" };
  const env = { RDA_SSH_HOST: "from-env", RDA_TIMEOUT: "2s" };
  const flags = ["--ssh-host", "from-flag"];
  const all = await settingsFor(flags, { files: file, env });
  assertEquals([all.sshHost, all.timeoutMs, all.logLevel], ["from-flag", 2000, "warn"]);
  assertEquals((await settingsFor([], { files: file, env })).sshHost, "from-env");
  assertEquals((await settingsFor([], { files: file })).sshHost, "from-file");
  assertEquals(all.origins["ssh-host"].where, "--ssh-host");
  assertEquals(all.origins.timeout.where, "environment variable RDA_TIMEOUT");
  assertEquals(all.origins["log-level"].where, `"log_level" (${OWN_FILE}:3:12)`);
  assertEquals(all.origins.mode.source, "default");
});

Deno.test("LOG_LEVEL works and RDA_LOG_LEVEL comes before it", async () => {
  assertEquals((await settingsFor(HOST, { env: { LOG_LEVEL: "trace" } })).logLevel, "trace");
  const env = { LOG_LEVEL: "trace", RDA_LOG_LEVEL: "error" };
  assertEquals((await settingsFor(HOST, { env })).logLevel, "error");
});

Deno.test("a list of a stronger source replaces the weaker one", async () => {
  const machine = {
    env: { RDA_LISTEN: "127.0.0.1:1, unix:///b.sock" },
    files: { [OWN_FILE]: "listen: [unix:///a.sock]\nssh_key: [k1, k2]\n" },
  };
  assertEquals((await settingsFor(HOST, machine)).listen, ["127.0.0.1:1", "unix:///b.sock"]);
  const flags = [...HOST, "--listen", "127.0.0.1:2", "--listen=127.0.0.1:3"];
  assertEquals((await settingsFor(flags, machine)).listen, ["127.0.0.1:2", "127.0.0.1:3"]);
});

Deno.test("of a flag given twice the last one counts", async () => {
  assertEquals((await settingsFor(["--ssh-host=a", "--ssh-host=b"])).sshHost, "b");
  assertEquals((await settingsFor([...HOST, "--dump", "--no-dump"])).dump, false);
});

Deno.test("relative paths start where they are written", async () => {
  const settings = await settingsFor(
    [...HOST, "--ssh-known-hosts", "kh", "--config", "sub/c.yaml"],
    {
      files: { "/project/sub/c.yaml": "ssh_key: keys/id\n" },
      env: { RDA_SSH_CONFIG: "ssh.conf" },
    },
  );
  assertEquals(settings.sshKeys, ["/project/sub/keys/id"]);
  assertEquals(settings.sshKnownHosts, ["/project/kh"]);
  assertEquals(settings.sshConfig, "/project/ssh.conf");
});

Deno.test("a local socket replaces the default address and joins a given one", async () => {
  const socket = ["--local-socket", "/tmp/d.sock"];
  assertEquals((await settingsFor([...HOST, ...socket])).listen, ["unix:///tmp/d.sock"]);
  const both = await settingsFor([...HOST, ...socket, "--listen", ":2375"]);
  assertEquals(both.listen, [":2375", "unix:///tmp/d.sock"]);
});

Deno.test("user and port may stand in the host, and --ssh-user comes first", async () => {
  const alone = await settingsFor(["--ssh-host", "dev@gpu:2222"]);
  assertEquals([alone.sshUser, alone.sshHost, alone.sshPort], ["dev", "gpu", 2222]);
  assertEquals(describeRemote(alone), "ssh://dev@gpu:2222");
  const both = await settingsFor(["--ssh-host", "dev@gpu", "--ssh-user", "root"]);
  assertEquals(both.sshUser, "root");
  const files = { [OWN_FILE]: "ssh_user: root\n" };
  assertEquals((await settingsFor(["--ssh-host", "dev@gpu"], { files })).sshUser, "dev");
  assertEquals((await settingsFor(["--ssh-host", "gpu"], { files })).sshUser, "root");
  assertEquals(describeRemote(await settingsFor(["--ssh-host", "[::1]:22"])), "ssh://[::1]:22");
});

Deno.test("mTLS settings are complete, with the usual port and name", async () => {
  const flags = ["--transport=mtls", "--mtls-endpoint=gw", "--mtls-cert=c", "--mtls-key=k"];
  const settings = await settingsFor(flags);
  assertEquals(settings.mtls, {
    host: "gw",
    port: 443,
    serverName: "gw",
    certFile: "/project/c",
    keyFile: "/project/k",
  });
  assertEquals(describeRemote(settings), "mtls://gw");
});

Deno.test("an explicit transport outdoes what a file says for the other", async () => {
  const files = { [OWN_FILE]: "transport: mtls\nmtls_endpoint: gw\n" };
  assertEquals((await settingsFor([...HOST, "--transport=ssh"], { files })).mtls, undefined);
});

Deno.test("the log format follows the terminal", async () => {
  assertEquals((await settingsFor(HOST, { isTerminal: false })).logFormat, "json");
  const flags = [...HOST, "--log-format=text"];
  assertEquals((await settingsFor(flags, { isTerminal: false })).logFormat, "text");
});

Deno.test("a dump asks for the log level it is written at", async () => {
  assertEquals((await settingsFor([...HOST, "--dump"])).logLevel, "debug");
  assertEquals((await settingsFor([...HOST, "--dump", "--log-level=trace"])).logLevel, "trace");
});

Deno.test("the passphrase comes from the environment and is not printed with the settings", async () => {
  const settings = await settingsFor(HOST, { env: { RDA_SSH_PASSPHRASE: "s3cret" } });
  assertEquals(settings.sshPassphrase(), "s3cret");
  assert(!JSON.stringify(settings).includes("s3cret"));
  assert(!Deno.inspect(settings, { depth: 9 }).includes("s3cret"));
});

Deno.test("config none and ssh-config none read no file", async () => {
  const files = { [OWN_FILE]: "timeout: bad\n" };
  const settings = await settingsFor([...HOST, "--config=none", "--ssh-config=none"], { files });
  assertEquals([settings.timeoutMs, settings.sshConfig], [10_000, "none"]);
});

Deno.test("without a home directory there is no file of one's own", async () => {
  const settings = await settingsFor(HOST, { home: null });
  assertEquals(settings.origins.listen.source, "default");
});

Deno.test("empty variables count as unset", async () => {
  const settings = await settingsFor(HOST, { env: { RDA_TIMEOUT: "", LOG_LEVEL: "" } });
  assertEquals([settings.timeoutMs, settings.logLevel], [10_000, "info"]);
});

const TLS = ["--tls-cert=c", "--tls-key=k"];
const MTLS = ["--transport=mtls", "--mtls-endpoint=gw", "--mtls-cert=c"];
const BAD: [string[], Machine, string][] = [
  [[], {}, "Missing --ssh-host, the remote host; for example: remote-docker-agent --ssh-host"],
  [MTLS, {}, "Missing --mtls-key, which the mtls transport needs; give --mtls-endpoint"],
  [["--transport=mtls"], {}, "Missing --mtls-endpoint"],
  [[...MTLS, "--mtls-key=k", "--mtls-endpoint=a@gw"], {}, 'use "host", "host:443" or "[::1]:443"'],
  [
    [...HOST, "--mtls-sni", "x"],
    {},
    "Cannot use --mtls-sni with the ssh transport, chosen by --ssh-host; leave out one of the two",
  ],
  [["--mtls-sni", "x"], {}, "Cannot use --mtls-sni with the ssh transport; add --transport mtls"],
  [
    ["--mtls-endpoint", "gw"],
    { files: { [OWN_FILE]: "ssh_host: gpu\n" } },
    `with the ssh transport, chosen by "ssh_host" (${OWN_FILE}:1:11); add --transport mtls`,
  ],
  [
    HOST,
    { files: { [OWN_FILE]: "mtls_cert: c\n" } },
    `Cannot use "mtls_cert" (${OWN_FILE}:1:12) with the ssh transport`,
  ],
  [
    [...HOST, "--mode=raw", "--dump"],
    {},
    "Cannot use --dump with --mode: raw mode does not look into what it relays",
  ],
  [[...HOST, "--dump", "--log-level=info"], {}, "Cannot use --dump with --log-level"],
  [
    [...HOST, "--sync-root=copies"],
    {},
    'Invalid value "copies" for --sync-root; write an absolute path of the remote host',
  ],
  [[...HOST, "--tls-cert=c"], {}, "Missing --tls-key, which --tls-cert needs"],
  [[...HOST, ...TLS], {}, "Missing --tls-ca, which --tls-cert needs"],
  [[...HOST, "--tls-ca=a"], {}, "Missing --tls-cert, which --tls-ca needs"],
  [[...HOST, "--allow-remote-clients"], {}, "Missing --tls-cert, which --allow-remote-clients"],
  [HOST, { env: { RDA_TIMEUOT: "1s" } }, '"RDA_TIMEUOT"; did you mean RDA_TIMEOUT?'],
  [HOST, { env: { RDA_TIMEOUT: "1" } }, 'value "1" for environment variable RDA_TIMEOUT: expected'],
  [HOST, { env: { LOG_LEVEL: "loud" } }, 'value "loud" for environment variable LOG_LEVEL'],
  [
    [...HOST, "--listen=/tmp/d.sock"],
    {},
    'Invalid value "/tmp/d.sock" for --listen; write "unix:///tmp/d.sock" for a Unix socket',
  ],
  [HOST, { env: { RDA_LISTEN: ":1,,:2" } }, "Missing value for environment variable RDA_LISTEN"],
  [
    HOST,
    { files: { [OWN_FILE]: "\n\ntimeout: 10\n" } },
    `Invalid value "10" for "timeout" (${OWN_FILE}:3:10): expected a duration such as 10s`,
  ],
  [
    [...HOST, "--timeout=1s"],
    { files: { [OWN_FILE]: "timeout: 10\n" } },
    `Invalid value "10" for "timeout"`,
  ],
  [HOST, { files: { [OWN_FILE]: "ssh_user:\n" } }, `Missing value for "ssh_user" (${OWN_FILE}:1:`],
  [
    [...HOST, "--config=x.yaml"],
    {},
    'Cannot read configuration file "/project/x.yaml": there is no such file',
  ],
  [HOST, { env: { RDA_CONFIG: "/x" } }, 'Cannot read configuration file "/x"'],
  [
    HOST,
    { files: { [OWN_FILE]: new Deno.errors.PermissionDenied("os error 13") } },
    'config.yaml": permission denied',
  ],
  [
    HOST,
    { files: { [OWN_FILE]: new Deno.errors.IsADirectory("Is a directory") } },
    'config.yaml": it is a directory',
  ],
  [HOST, { files: { [OWN_FILE]: "#".repeat(MAX_FILE_BYTES + 1) } }, "larger than 65536 bytes"],
];

Deno.test("what makes no sense is refused in one line that names its place", async () => {
  for (const [args, machine, expected] of BAD) {
    const error = await assertRejects(() => settingsFor(args, machine), AgentError);
    const line = describeError(error);
    assert(line.includes(expected), `${line}\n  lacks: ${expected}`);
    assert(!line.includes("\n"));
  }
});
