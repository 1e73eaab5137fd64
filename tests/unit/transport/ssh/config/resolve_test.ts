import { assertEquals, assertRejects, assertThrows } from "../../../../support/assert.ts";
import { AgentError } from "../../../../../lib/errors.ts";
import { loadSshConfig } from "../../../../../lib/transport/ssh/config/file.ts";
import { parseConfig } from "../../../../../lib/transport/ssh/config/tree.ts";
import { resolveSsh } from "../../../../../lib/transport/ssh/config/resolve.ts";
import type {
  ResolvedSsh,
  SshEnv,
  SshSettings,
} from "../../../../../lib/transport/ssh/settings.ts";

const ENV: SshEnv = {
  platform: "linux",
  home: "/home/me",
  user: "me",
  uid: 1000,
  hostname: "laptop.lan",
  get: (name) => ({ SSH_AUTH_SOCK: "/run/agent", KEYS: "/keys" })[name],
  interactive: false,
};
const REMOTE = { kind: "unix", path: "/var/run/docker.sock" } as const;

function resolve(
  config: string,
  settings: Partial<SshSettings> = {},
  env: Partial<SshEnv> = {},
): ResolvedSsh {
  const all = { host: "web", keyFiles: [], remoteDocker: REMOTE, ...settings };
  return resolveSsh(all, parseConfig(config, "config"), { ...ENV, ...env }).host;
}

Deno.test("without a configuration the defaults of OpenSSH apply", () => {
  assertEquals(resolve(""), {
    host: "web",
    hostName: "web",
    port: 22,
    user: "me",
    identityFiles: ["id_ed25519", "id_ecdsa", "id_rsa"].map((name) => ({
      path: `/home/me/.ssh/${name}`,
      explicit: false,
    })),
    identityAgents: ["/run/agent"],
    identitiesOnly: false,
    userKnownHostsFiles: ["/home/me/.ssh/known_hosts", "/home/me/.ssh/known_hosts2"],
    globalKnownHostsFiles: ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
    hashKnownHosts: false,
    strict: "yes",
    serverAliveIntervalMs: 5_000,
    serverAliveCountMax: 3,
    connectTimeoutMs: 10_000,
    prompts: true,
    remoteDocker: REMOTE,
    jumps: [],
  });
});

Deno.test("options of ssh_config are applied", () => {
  const host = resolve(`
    Host other
      Port 1
    host web   # with a comment
      hostname web-1.example.com
      Port = 2222
      User deploy
      IdentityFile ~/.ssh/web
      IdentityFile "%d/keys dir/%h-%p-%r-%u-%%"
      IdentityFile \${KEYS}/id
      IdentityAgent none
      IdentitiesOnly yes
      UserKnownHostsFile ~/.ssh/a /b/%k
      GlobalKnownHostsFile none
      HostKeyAlias web-alias
      HashKnownHosts yes
      StrictHostKeyChecking accept-new
      ServerAliveInterval 1m30s
      ServerAliveCountMax 5
      ConnectTimeout 7
      BatchMode yes
    Host *
      Port 3
      IdentityFile ~/.ssh/all
  `);
  assertEquals(host, {
    host: "web",
    hostName: "web-1.example.com",
    port: 2222,
    user: "deploy",
    identityFiles: [
      "/home/me/.ssh/web",
      "/home/me/keys dir/web-1.example.com-2222-deploy-me-%",
      "/keys/id",
      "/home/me/.ssh/all",
    ].map((path) => ({ path, explicit: false })),
    identityAgents: [],
    identitiesOnly: true,
    userKnownHostsFiles: ["/home/me/.ssh/a", "/b/web-alias"],
    globalKnownHostsFiles: [],
    hostKeyAlias: "web-alias",
    hashKnownHosts: true,
    strict: "accept-new",
    serverAliveIntervalMs: 90_000,
    serverAliveCountMax: 5,
    connectTimeoutMs: 7_000,
    prompts: false,
    remoteDocker: REMOTE,
    jumps: [],
  });
});

Deno.test("flags outweigh the configuration", () => {
  const host = resolve(
    "Host web\nUser a\nPort 1\nIdentityFile ~/x\nIdentityAgent /a\nStrictHostKeyChecking no\n" +
      "UserKnownHostsFile /b\nConnectTimeout 1",
    {
      host: "u@web:5",
      user: "flag",
      port: 6,
      keyFiles: ["~/k"],
      agentSocket: "/c",
      knownHostsFiles: ["~/kh"],
      strictHostKeyChecking: "yes",
      connectTimeoutMs: 9,
    },
  );
  assertEquals([host.user, host.port, host.strict, host.connectTimeoutMs], ["flag", 6, "yes", 9]);
  assertEquals(host.identityFiles, [
    { path: "/home/me/k", explicit: true },
    { path: "/home/me/x", explicit: false },
  ]);
  assertEquals(host.identityAgents, ["/c"]);
  assertEquals([host.userKnownHostsFiles, host.globalKnownHostsFiles], [["/home/me/kh"], []]);
  const typed = resolve("User a\nPort 1", { host: "u@web:5" });
  assertEquals([typed.user, typed.port], ["u", 5]);
});

Deno.test("a section applies by the rules of ssh_config", () => {
  const table: [why: string, config: string, user: string][] = [
    ["a pattern", "Host w*\nUser x", "x"],
    ["no case", "Host WEB\nUser x", "x"],
    ["one of several", "Host a web b\nUser x", "x"],
    ["question mark is exactly one", "Host web?\nUser x", "me"],
    ["negated", "Host * !web\nUser x", "me"],
    ["negated alone matches nobody", "Host !other\nUser x", "me"],
    ["the first value wins", "Host web\nUser x\nHost *\nUser y", "x"],
    ["before any section", "User y\nHost web\nUser x", "y"],
    ["Match all", "Match all\nUser x", "x"],
    ["Match host sees HostName", "Host web\nHostName h1\nMatch host h1\nUser x", "x"],
    ["Match originalhost", "HostName h1\nMatch originalhost web\nUser x", "x"],
    ["Match lists", "Match host a,w?b,!c\nUser x", "x"],
    ["Match negated list", "Match host *,!web\nUser x", "me"],
    ["Match negated criterion", "Match !host other\nUser x", "x"],
    ["Match localuser", "Match localuser me\nUser x", "x"],
    ["Match user", "Match user root\nPort 3\nMatch user me\nUser x", "x"],
    ["every criterion", "Match host web localuser other\nUser x", "me"],
    ["Match final", "Match final host h1\nUser x\nHost web\nHostName h1", "x"],
    ["Match canonical", "Match canonical all\nUser x", "me"],
    ["Match exec", 'Match exec "touch /tmp/never"\nUser x', "me"],
    ["Match not exec", 'Match !exec "false"\nUser x', "me"],
    ["Match of the future", "Match tagged t\nUser x", "me"],
  ];
  for (const [why, config, user] of table) assertEquals(resolve(config).user, user, why);
});

Deno.test("a section that would need a command is mentioned, once, if all else matches", () => {
  const notes = (config: string) =>
    resolveSsh(
      { host: "web", keyFiles: [], remoteDocker: REMOTE },
      parseConfig(config, "config"),
      ENV,
    ).notes;
  const exec = 'Match host web exec "true"\nUser x\n';
  assertEquals(notes(exec + exec), [
    'A section under "Match exec" was passed over; commands are not run',
  ]);
  assertEquals(notes('Match host other exec "true"\nUser x'), []);
  assertEquals(notes("Match tagged a\nUser x"), [
    'A section under "Match tagged" was passed over; it is not supported',
  ]);
});

Deno.test("the agent is chosen as OpenSSH does", () => {
  const table: [agent: string | undefined, env: Partial<SshEnv>, expected: string[]][] = [
    [undefined, {}, ["/run/agent"]],
    ["SSH_AUTH_SOCK", {}, ["/run/agent"]],
    ["none", {}, []],
    ["~/agent", {}, ["/home/me/agent"]],
    ["$SSH_AUTH_SOCK", {}, ["/run/agent"]],
    ["$NOTHING", {}, []],
    ["${KEYS}/agent", {}, ["/keys/agent"]],
    [undefined, { get: () => undefined }, []],
    [
      undefined,
      { get: () => undefined, platform: "windows" },
      ["\\\\.\\pipe\\openssh-ssh-agent", "pageant"],
    ],
    ["pageant", { platform: "windows" }, ["pageant"]],
  ];
  for (const [agent, env, expected] of table) {
    const config = agent === undefined ? "" : `IdentityAgent ${agent}`;
    assertEquals(resolve(config, {}, env).identityAgents, expected, `${agent}`);
  }
});

Deno.test("new host keys are accepted on a terminal only, unless told otherwise", () => {
  const table = [
    ["", true, "accept-new"],
    ["", false, "yes"],
    ["ask", true, "accept-new"],
    ["ask", false, "yes"],
    ["yes", true, "yes"],
    ["no", false, "no"],
    ["off", false, "no"],
  ] as const;
  for (const [value, interactive, strict] of table) {
    const config = value === "" ? "" : `StrictHostKeyChecking ${value}`;
    assertEquals(resolve(config, {}, { interactive }).strict, strict, `${value} ${interactive}`);
  }
});

Deno.test("jump hosts are resolved through the configuration, nearest to us first", () => {
  const host = resolve(
    `
    Host web
      ProxyJump b,me2@c:2200
      IdentityFile ~/web
    Host a
      HostName a.example.com
    Host b
      ProxyJump ssh://a
      User bob
      IdentityFile ~/b
  `,
    { keyFiles: ["/flag"], user: "flag", knownHostsFiles: ["/kh"] },
  );
  assertEquals(
    host.jumps.map(({ user, hostName, port, jumps }) => [user, hostName, port, jumps.length]),
    [["me", "a.example.com", 22, 0], ["bob", "b", 22, 0], ["me2", "c", 2200, 0]],
  );
  assertEquals(host.jumps[1]?.identityFiles, [{ path: "/home/me/b", explicit: false }]);
  assertEquals(host.jumps[0]?.userKnownHostsFiles, ["/kh"]);
  assertEquals(resolve("Host web\nProxyJump none\nHost *\nProxyJump a").jumps, []);
  assertEquals(resolve("ProxyJump none\nProxyCommand x").jumps, []);
});

Deno.test("what cannot work is refused clearly", () => {
  const table = [
    ["ProxyJump web", "Jump hosts form a loop: web -> web"],
    ["ProxyJump a", "Jump hosts form a loop: a -> a -> web"],
    ["ProxyCommand nc %h %p", 'Cannot reach "web" by ProxyCommand: it is not supported'],
    ["ProxyJump a:b", 'Invalid SSH host "a:b": bad port "b"'],
    ["Port many", 'Invalid value "many" of "port" in the SSH configuration'],
    ["Port 70000", 'Invalid value "70000" of "port" in the SSH configuration'],
    ["ConnectTimeout soon", 'Invalid value "soon" of "connecttimeout" in the SSH configuration'],
    ["IdentityFile ~/%x", 'Cannot expand "~/%x": unknown token "%x"'],
    ["IdentityFile ${NOPE}/a", 'Cannot expand "${NOPE}/a": variable "NOPE" is not set'],
  ] as const;
  for (const [config, message] of table) {
    const error = assertThrows(() => resolve(config), AgentError) as AgentError;
    assertEquals([error.kind, error.message], ["config", message]);
  }
});

Deno.test("a malformed file is named", () => {
  for (const text of ['User "a', "Host", "Match host", "Foo\nUser x"]) {
    const error = assertThrows(() => parseConfig(text, "/my/config"), AgentError) as AgentError;
    assertEquals(error.message.startsWith('Cannot read SSH configuration "/my/config": '), true);
  }
});

Deno.test("included files count where they are included", async () => {
  const home = await Deno.makeTempDir();
  const env = { ...ENV, home };
  const user = async (host: string) => {
    const nodes = await loadSshConfig(undefined, env);
    return resolveSsh({ host, keyFiles: [], remoteDocker: REMOTE }, nodes, env).host.user;
  };
  try {
    await Deno.mkdir(`${home}/.ssh/conf.d`, { recursive: true });
    await Deno.writeTextFile(
      `${home}/.ssh/config`,
      "Include conf.d/*.conf missing\nHost only\n  Include ~/.ssh/inner\nHost *\n  User last\n",
    );
    await Deno.writeTextFile(`${home}/.ssh/conf.d/a.conf`, "Host a\n  User from-a\n");
    await Deno.writeTextFile(`${home}/.ssh/conf.d/b.conf`, "Host *\n  Port 7\n");
    await Deno.writeTextFile(`${home}/.ssh/conf.d/.hidden.conf`, "User hidden\n");
    await Deno.writeTextFile(`${home}/.ssh/inner`, "User inner\nHost *\n  User inner-host\n");
    assertEquals(await user("a"), "from-a");
    assertEquals(await user("only"), "inner");
    assertEquals(await user("other"), "last");

    await Deno.writeTextFile(`${home}/.ssh/config`, "Include config\n");
    await assertRejects(() => user("a"), AgentError, "too many nested Include lines");
    await assertRejects(() => loadSshConfig("~/nope", env), AgentError, "no such file");
    assertEquals(await loadSshConfig("none", env), []);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
});
