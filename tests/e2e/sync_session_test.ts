/** Sessions as bind mounts use them: through the manager, with containers that write as anybody. */
import { join } from "node:path";
import { logger } from "../../lib/log.ts";
import { SyncManager } from "../../lib/sync/manager.ts";
import type { Supervisor } from "../../lib/transport/supervisor.ts";
import { assert, assertEquals, assertMatch, assertRejects } from "../support/assert.ts";
import { defaultCli, endToEnd } from "../support/e2e.ts";
import { DockerCli } from "../support/docker_cli.ts";
import { until } from "../support/poll.ts";
import type { Rig } from "../support/rig.ts";
import { rigSupervisor } from "../support/rig_supervisor.ts";
import { contents, edit } from "../unit/sync/harness.ts";

const test = await endToEnd();
const agentOnly = true;

/** A manager against the rig, a local folder, and the engine to run containers on. */
class ManagerBench implements AsyncDisposable {
  readonly base: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rda-e2e-sync-" }));
  readonly local: string = join(this.base, "src");
  readonly #rig: Rig;
  readonly #supervisor: Supervisor;
  readonly direct: DockerCli;
  manager!: SyncManager;

  private constructor(rig: Rig, supervisor: Supervisor, direct: DockerCli) {
    this.#rig = rig;
    this.#supervisor = supervisor;
    this.direct = direct;
    Deno.mkdirSync(this.local);
  }

  static async open(rig: Rig): Promise<ManagerBench> {
    const supervisor = rigSupervisor(rig);
    const direct = await DockerCli.open(defaultCli(), `unix://${rig.directSocket}`);
    const bench = new ManagerBench(rig, supervisor, direct);
    await supervisor.start();
    await bench.start();
    return bench;
  }

  async start(maxBytes = 5e9): Promise<void> {
    this.manager = await SyncManager.open({
      stateFolder: join(this.base, "state"),
      owner: "e2e",
      syncRoot: "~/.remote-docker-agent/sync",
      maxBytes,
      ignore: [],
      gitignore: false,
      remote: "rig",
      home: "/nowhere",
      log: logger("sync"),
      shell: async (signal) => {
        const transport = await this.#supervisor.ready({ waitMs: 20_000, signal });
        const shell = await transport.bulkShell?.() ?? transport.shell;
        assert(shell !== undefined);
        return shell;
      },
    });
  }

  /** Runs a script in a container on a prepared mount, as `user`. */
  async run(mount: string, script: string, user = "0"): Promise<string> {
    const volume = `${mount}:/app`;
    return await this.direct.ok([
      "run",
      "--rm",
      "-u",
      user,
      "-v",
      volume,
      "bb",
      "sh",
      "-c",
      script,
    ]);
  }

  /** What is on the remote host at a path, seen from here. */
  seen(path: string): Record<string, string> {
    return contents(this.#rig.root + path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager.close();
    await this.#supervisor.close();
    await this.direct[Symbol.asyncDispose]();
    await Deno.remove(this.base, { recursive: true });
    await this.#rig.verb("exec", "rm", "-rf", "/home/dev/.remote-docker-agent");
  }
}

test.bare("what containers write as anybody comes back, and can be removed from here", {
  agentOnly,
}, async (rig) => {
  await using bench = await ManagerBench.open(rig);
  edit(bench.local, { "a": "1", "d/b": "2" });
  Deno.chmodSync(join(bench.local, "a"), 0o640);
  const { session, remotePath } = await bench.manager.prepare({
    local: bench.local,
    readOnly: false,
  });
  await bench.manager.attach({ id: "c", name: "c" }, [session]);
  await bench.manager.flush([session]);
  assertEquals(bench.seen(remotePath), contents(bench.local));
  for (const user of ["0", "1000", "12345:12345"]) {
    const script =
      `cd /app && mkdir -p out${user} && for i in $(seq 500); do echo $i > out${user}/f$i; done;` +
      `umask 077; mkdir out${user}/private; echo secret > out${user}/private/s; echo more >> a`;
    await bench.run(remotePath, script, user);
    await bench.manager.flush([session]);
    assertEquals(Object.keys(contents(join(bench.local, `out${user}`))).length, 502);
    assertEquals(contents(bench.local)[`out${user}/private/s`], "secret\n");
  }
  assertEquals((Deno.lstatSync(join(bench.local, "a")).mode ?? 0) & 0o777, 0o640);
  edit(bench.local, { "out0": null, "out12345:12345": null });
  await bench.manager.flush([session]);
  assertEquals(bench.seen(remotePath), contents(bench.local));
  assertEquals(bench.manager.snapshot()[0]?.conflicts, 0);
});

test.bare("nested folders share a session, single files have their own and stay live", {
  agentOnly,
}, async (rig) => {
  await using bench = await ManagerBench.open(rig);
  edit(bench.local, { "etc/conf": "1", "etc/other": "x" });
  const all = await bench.manager.prepare({ local: bench.local, readOnly: false });
  const nested = await bench.manager.prepare({ local: join(bench.local, "etc"), readOnly: true });
  const file = await bench.manager.prepare({
    local: join(bench.local, "etc/conf"),
    readOnly: false,
  });
  assertEquals(nested, { session: all.session, remotePath: `${all.remotePath}/etc` });
  assert(file.session !== all.session);
  const sessions = [all.session, file.session];
  await bench.manager.attach({ id: "c", name: "c" }, sessions);
  await bench.manager.flush(sessions);
  const volume = `${file.remotePath}:/conf`;
  const script = "until [ $(cat /conf) = 2 ]; do sleep 0.1; done; echo 3 > /conf; sleep 60";
  const id = await bench.direct.ok(["run", "-d", "--rm", "-v", volume, "bb", "sh", "-c", script]);
  try {
    edit(bench.local, { "etc/conf.new": "2" });
    Deno.renameSync(join(bench.local, "etc/conf.new"), join(bench.local, "etc/conf"));
    await until("the answer is here", () => contents(bench.local)["etc/conf"] === "3\n");
  } finally {
    await bench.direct.ok(["rm", "-f", id]);
  }
});

test.bare(
  "a restarted manager knows its sessions, and prune removes the unused",
  { agentOnly },
  async (rig) => {
    await using bench = await ManagerBench.open(rig);
    edit(bench.local, { "a": "1" });
    const { session, remotePath } = await bench.manager.prepare({
      local: bench.local,
      readOnly: false,
    });
    await bench.manager.attach({ id: "c", name: "web" }, [session]);
    await bench.manager.flush([session]);
    await bench.manager.close();
    await bench.start();
    assertEquals(bench.manager.snapshot()[0]?.containers, ["web"]);
    edit(bench.local, { "a": "2" });
    await until("it is watched again", () => bench.seen(remotePath)["a"] === "2");
    assertEquals(await bench.manager.prune({ dryRun: false }), []);
    await bench.manager.detach("c");
    assertEquals((await bench.manager.prune({ dryRun: true })).length, 1);
    assertEquals((await bench.manager.prune({ dryRun: false })).length, 1);
    assertEquals(bench.manager.snapshot(), []);
    await assertRejects(() => Deno.lstat(rig.root + remotePath), Deno.errors.NotFound);
    assertEquals(contents(bench.local), { "a": "2" });
  },
);

test.bare("prune: folders that are gone here, copies that are gone there", {
  agentOnly,
}, async (rig) => {
  await using bench = await ManagerBench.open(rig);
  const { manager, local } = bench;
  const synced = async () => {
    edit(local, { "a": "1", "d/b": "2" });
    const made = await manager.prepare({ local, readOnly: false });
    await manager.flush([made.session]);
    return made;
  };
  await synced();
  Deno.removeSync(local, { recursive: true });
  assertEquals((await manager.prune({ dryRun: false })).length, 1);
  assertEquals(manager.snapshot(), []);

  const { remotePath } = await synced();
  await rig.verb("exec", "rm", "-rf", remotePath.replace(/\/data$/, ""));
  assertEquals((await manager.prune({ dryRun: true })).length, 1);
  assertEquals((await manager.prune({ dryRun: false })).length, 1);
  assertEquals([manager.snapshot(), contents(local)], [[], { "a": "1", "d": "/", "d/b": "2" }]);

  const again = await synced();
  await bench.run(again.remotePath, "echo new >/app/n");
  Deno.removeSync(local, { recursive: true });
  assertEquals(await manager.prune({ dryRun: false }), []);
  assertEquals(bench.seen(again.remotePath)["n"], "new\n");
});

test.bare("a session that was pruned is made again where it was, also for what is inside it", {
  agentOnly,
}, async (rig) => {
  await using bench = await ManagerBench.open(rig);
  const { manager, local } = bench;
  edit(local, { "sub/b": "2" });
  const all = await manager.prepare({ local, readOnly: false });
  const below = { local: join(local, "sub"), readOnly: false };
  const nested = await manager.prepare(below);
  await manager.prune({ dryRun: false });
  assertEquals(await manager.prepare({ ...below, session: all.session }), nested);
  await manager.prune({ dryRun: false });
  assert((await manager.prepare(below)).session !== all.session);
});

test.bare("a full remote disk is told, and nothing changes here", { agentOnly }, async (rig) => {
  await using bench = await ManagerBench.open(rig);
  const small = "/home/dev/.remote-docker-agent";
  await rig.verb(
    "exec",
    "sh",
    "-c",
    `mkdir -p ${small} && mount -t tmpfs -o size=2m,uid=1000 none ${small}`,
  );
  try {
    edit(bench.local, { "a": "1", "big": "x".repeat(4_000_000) });
    const { session } = await bench.manager.prepare({ local: bench.local, readOnly: false });
    const error = await assertRejects(() => bench.manager.flush([session]), Error);
    assertMatch(error.message, /disk is full/);
    edit(bench.local, { "big": "small" });
    await bench.manager.flush([session]);
    assertEquals(contents(bench.local), { "a": "1", "big": "small" });
  } finally {
    await rig.verb("exec", "umount", small);
  }
});

test.bare("what nobody can mean is refused, with the size", { agentOnly }, async (rig) => {
  await using bench = await ManagerBench.open(rig);
  await bench.manager.close();
  await bench.start(1_000_000);
  edit(bench.local, { "big": "x".repeat(1_500_000) });
  const refusals: [string, RegExp][] = [["/", /whole file system/], [bench.local, /holds 1.5 MB/]];
  for (const [local, message] of refusals) {
    const error = await assertRejects(
      () => bench.manager.prepare({ local, readOnly: false }),
      Error,
    );
    assertMatch(error.message, message);
  }
});
