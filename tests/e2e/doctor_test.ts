/** Faults that are made on purpose, and what `doctor` says of each. */
import { join } from "node:path";
import type { Result } from "../../lib/doctor/check.ts";
import { assert, assertEquals, assertMatch } from "../support/assert.ts";
import { cleanEnvironment, flagList, rigFlags } from "../support/agent.ts";
import { runCommand, runOk } from "../support/child.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { programCommand } from "../support/program.ts";
import type { Rig } from "../support/rig.ts";

const test = await endToEnd();

/** One examination: flags that replace those of the rig, and variables. */
interface Case {
  flags?: Record<string, string>;
  vars?: Record<string, string>;
}

/** What a fault is called, which check finds it, and what it says and advises. */
interface Fault extends Case {
  name: string;
  check: string;
  verdict: "fail" | "warn";
  says: RegExp;
  remedy: RegExp;
}

async function examine(rig: Rig, { flags = {}, vars = {} }: Case) {
  const [program, ...first] = programCommand();
  const own = { "timeout": "20s", "log-level": "error", "listen": `127.0.0.1:${freePort()}` };
  const all = flagList(rigFlags(rig, { ...own, ...flags }));
  const state = { XDG_STATE_HOME: Deno.makeTempDirSync({ prefix: "rda-doctor-" }) };
  const env = { ...cleanEnvironment(), ...state, ...vars };
  const done = await runCommand(program, [...first, "doctor", "--json", ...all], { env });
  assert(done.stdout.startsWith("["), done.stderr);
  return { code: done.code, results: JSON.parse(done.stdout) as Result[] };
}

async function finds(rig: Rig, fault: Fault): Promise<void> {
  const { code, results } = await examine(rig, fault);
  const found = results.find(({ name }) => name === fault.check);
  const all = JSON.stringify(results, null, 1);
  assertEquals(found?.verdict, fault.verdict, `${fault.name}: ${all}`);
  assertMatch(found?.message ?? "", fault.says, fault.name);
  assertMatch(found?.remedy ?? "", fault.remedy, fault.name);
  const failed = results.filter(({ verdict }) => verdict === "fail").map(({ name }) => name);
  assertEquals(
    failed[0],
    fault.verdict === "fail" ? fault.check : undefined,
    `${fault.name}: ${all}`,
  );
  assertEquals(code === 0, fault.verdict === "warn", fault.name);
}

async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "rda-doctor-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Adds lines to the server's configuration while `body` runs; the first occurrence counts there. */
async function withSshd(rig: Rig, lines: string, body: () => Promise<void>): Promise<void> {
  const path = join(rig.root, "etc/ssh/sshd_config");
  const before = await Deno.readTextFile(path);
  await Deno.writeTextFile(path, `${lines}\n${before}`);
  try {
    await rig.verb("restart-sshd");
    await body();
  } finally {
    await Deno.writeTextFile(path, before);
    await rig.verb("restart-sshd");
  }
}

test.bare(
  "a host in order passes, and nothing is changed by looking",
  {},
  (rig) =>
    withFolder(async (folder) => {
      const known = `${folder}/known_hosts`;
      await Deno.copyFile(rig.knownHosts, known);
      const before = await Deno.readTextFile(known);
      const { code, results } = await examine(rig, { flags: { "ssh-known-hosts": known } });
      assertEquals(results.filter(({ verdict }) => verdict === "fail"), []);
      assertEquals(results.find(({ name }) => name === "throughput")?.verdict, "pass");
      assertEquals(code, 0);
      assertEquals(await Deno.readTextFile(known), before);
    }),
);

test.bare(
  "faults of the command line, the keys and the way",
  {},
  (rig) =>
    withFolder(async (folder) => {
      const file = async (name: string, text: string, mode = 0o600) => {
        await Deno.writeTextFile(`${folder}/${name}`, text, { mode });
        await Deno.chmod(`${folder}/${name}`, mode);
        return `${folder}/${name}`;
      };
      const key = await Deno.readTextFile(rig.key);
      const encrypted = await file("encrypted", key);
      await runOk("ssh-keygen", ["-q", "-p", "-P", "", "-N", "open sesame", "-f", encrypted]);
      const other = (await Deno.readTextFile(`${rig.key}.pub`)).split(" ").slice(0, 2).join(" ");
      const faults: Fault[] = [
        {
          name: "a mistyped option in the file",
          flags: { config: await file("config.yaml", "ssh_hosst: gpu\n") },
          ...{ check: "config", verdict: "fail", says: /config\.yaml:1:1/, remedy: /ssh_host/ },
        },
        {
          name: "a key that others may read",
          flags: { "ssh-key": await file("open", key, 0o644) },
          ...{ check: "keys", verdict: "fail", says: /0644/, remedy: /chmod 600/ },
        },
        {
          name: "a key that is not there",
          flags: { "ssh-key": `${folder}/nothing` },
          ...{ check: "keys", verdict: "fail", says: /no such file/, remedy: /./ },
        },
        {
          name: "a name that nobody knows",
          flags: { "ssh-host": "no-such-host.invalid" },
          ...{ check: "dns", verdict: "fail", says: /cannot be resolved/, remedy: /VPN/ },
        },
        {
          name: "a port where nothing listens",
          flags: { "ssh-host": `${rig.address}:2299` },
          ...{ check: "tcp", verdict: "fail", says: /:2299 refuses/, remedy: /check the port/ },
        },
        {
          name: "a host key that has changed",
          flags: { "ssh-known-hosts": await file("changed", `${rig.address} ${other}\n`) },
          ...{ check: "host-key", verdict: "fail", says: /changed|differ|not the/i, remedy: /./ },
        },
        {
          name: "a host key that is not known",
          flags: { "ssh-known-hosts": await file("empty", "") },
          ...{
            check: "host-key",
            verdict: "fail",
            says: /unknown|not known/i,
            remedy: /accept-new/,
          },
        },
        {
          name: "a key that the host does not take",
          flags: { "ssh-key": rig.keyDenied },
          ...{
            check: "authentication",
            verdict: "fail",
            says: /refused|denied|sign/i,
            remedy: /./,
          },
        },
      ];
      for (const fault of faults) await finds(rig, fault);
      const { results } = await examine(rig, { flags: { "ssh-key": encrypted } });
      const keys = results.find(({ name }) => name === "keys");
      assertEquals(keys?.verdict, "warn");
      assertMatch(keys?.remedy ?? "", /ssh-add/);
      await rig.verb("cut", "drop");
      try {
        await finds(rig, {
          name: "a link that swallows everything",
          flags: { timeout: "2s" },
          ...{ check: "tcp", verdict: "fail", says: /does not answer/, remedy: /firewall/ },
        });
      } finally {
        await rig.verb("heal");
      }
    }),
);

test.bare("faults of the SSH server", {}, async (rig) => {
  const faults: (Fault & { sshd: string })[] = [
    {
      name: "no TCP forwarding",
      sshd: "AllowTcpForwarding no",
      ...{
        check: "forwarding",
        verdict: "fail",
        says: /does not allow/,
        remedy: /AllowTcpForward/,
      },
    },
    {
      name: "no forwarding of sockets",
      sshd: "AllowStreamLocalForwarding no",
      ...{ check: "socket", verdict: "fail", says: /does not allow/, remedy: /AllowStreamLocal/ },
    },
    {
      name: "one session",
      sshd: "MaxSessions 1",
      ...{ check: "commands", verdict: "fail", says: /refuses sessions/, remedy: /MaxSessions/ },
    },
    {
      name: "few sessions at a time",
      sshd: "MaxSessions 3",
      ...{ check: "sessions", verdict: "fail", says: /too few sessions/, remedy: /MaxSessions/ },
    },
    {
      name: "no commands",
      sshd: "ForceCommand /bin/false",
      ...{
        check: "commands",
        verdict: "fail",
        says: /does not run commands/,
        remedy: /ForceCommand/,
      },
    },
  ];
  for (const fault of faults) await withSshd(rig, fault.sshd, () => finds(rig, fault));
});

test.bare("faults of the engine and its socket", {}, async (rig) => {
  const faults: Fault[] = [
    {
      name: "a socket that is not there",
      flags: { "remote-docker": "unix:///nowhere.sock" },
      ...{ check: "socket", verdict: "fail", says: /no such socket/, remedy: /--remote-docker/ },
    },
    {
      name: "a socket for others",
      flags: { "ssh-user": "plain" },
      ...{ check: "socket", verdict: "fail", says: /permission denied/, remedy: /usermod/ },
    },
    {
      name: "something else that listens",
      flags: { "remote-docker": "tcp://127.0.0.1:22" },
      ...{ check: "engine", verdict: "fail", says: /./, remedy: /./ },
    },
    {
      name: "an API version that the engine does not have",
      vars: { DOCKER_API_VERSION: "1.99" },
      ...{ check: "engine", verdict: "warn", says: /1\.99/, remedy: /unset DOCKER_API_VERSION/ },
    },
  ];
  for (const fault of faults) await finds(rig, fault);
  await rig.verb("stop-dockerd");
  try {
    await finds(rig, {
      name: "an engine that does not run",
      ...{
        check: "socket",
        verdict: "fail",
        says: /nothing listens|no such/,
        remedy: /Docker runs/,
      },
    });
  } finally {
    await rig.verb("start-dockerd");
  }
});

test.bare("faults of the remote host and of the link", {}, async (rig) => {
  await finds(rig, {
    name: "tools that are not there",
    ...{ check: "tools", verdict: "warn", says: /UDP ports/, remedy: /python3/ },
  });
  const bashrc = join(rig.root, "home/dev/.bashrc");
  const own = await Deno.readTextFile(bashrc);
  const withBashrc = async (text: string, fault: Fault) => {
    await Deno.writeTextFile(bashrc, text);
    await finds(rig, fault).finally(() => Deno.writeTextFile(bashrc, own));
  };
  await withBashrc("echo welcome\n", {
    name: "a login shell that talks",
    ...{ check: "commands", verdict: "warn", says: /prints something/, remedy: /\.bashrc/ },
  });
  await withBashrc(FAKE_DATE, {
    name: "a clock that is wrong",
    ...{ check: "clock", verdict: "warn", says: /s behind this one/, remedy: /NTP/ },
  });
  await rig.verb(
    "exec",
    "sh",
    "-c",
    "mkdir -p /mnt/tiny; mount -t tmpfs -o size=1m none /mnt/tiny",
  );
  try {
    await finds(rig, {
      name: "no room for copies",
      flags: { "sync-root": "/mnt/tiny/copies" },
      ...{ check: "disk", verdict: "fail", says: /0\.0 GiB free/, remedy: /prune/ },
    });
  } finally {
    await rig.verb("exec", "umount", "/mnt/tiny");
  }
  try {
    await rig.verb("shape", "delay", "150ms");
    await finds(rig, {
      name: "a long way",
      ...{ check: "round-trip", verdict: "warn", says: /[3-9]\d\d ms|\d{4,} ms/, remedy: /slow/ },
    });
    await rig.verb("shape", "rate", "4mbit");
    await finds(rig, {
      name: "a thin link",
      ...{ check: "throughput", verdict: "warn", says: /0\.\d MiB/, remedy: /performance/ },
    });
  } finally {
    await rig.verb("unshape");
  }
});

/** A `date` that comes first in the PATH of commands. */
const FAKE_DATE = 'mkdir -p ~/bin; printf "#!/bin/sh\\necho 1600000000\\n" > ~/bin/date; ' +
  "chmod 755 ~/bin/date; PATH=~/bin:$PATH\n";

test.bare("faults of this machine", {}, (rig) =>
  withFolder(async (folder) => {
    using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    await Deno.writeTextFile(`${folder}/file`, "");
    await Deno.writeTextFile(`${folder}/config.json`, '{"currentContext":"elsewhere"}');
    const faults: Fault[] = [
      {
        name: "a folder for state that is none",
        vars: { XDG_STATE_HOME: `${folder}/file` },
        ...{ check: "state", verdict: "warn", says: /cannot keep state/, remedy: /XDG_STATE_HOME/ },
      },
      {
        name: "a port that is taken",
        flags: { listen: `127.0.0.1:${taken.addr.port}` },
        ...{ check: "listen", verdict: "fail", says: /in use/, remedy: /--listen/ },
      },
      {
        name: "docker told to go elsewhere",
        vars: { DOCKER_HOST: "tcp://127.0.0.1:9" },
        ...{
          check: "docker-host",
          verdict: "warn",
          says: /not this agent/,
          remedy: /DOCKER_HOST=/,
        },
      },
      {
        name: "a context by variable",
        vars: { DOCKER_CONTEXT: "other" },
        ...{ check: "docker-host", verdict: "warn", says: /"other"/, remedy: /unset/ },
      },
      {
        name: "a context by configuration",
        vars: { DOCKER_CONFIG: folder },
        ...{ check: "docker-host", verdict: "warn", says: /"elsewhere"/, remedy: /context use/ },
      },
    ];
    for (const fault of faults) await finds(rig, fault);
  }));
