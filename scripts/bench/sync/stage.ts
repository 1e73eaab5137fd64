/**
 * What synced folders are measured with: a manager on a live connection to the rig, as the agent has
 * one, `rsync` over ssh to the same place, and the command `sync --watch` as a process of its own.
 * Whoever opens a {@link SyncStage} disposes of it.
 */
import { join } from "node:path";
import { RUNTIME_FLAGS } from "../../../lib/cli/runtime.ts";
import { logger } from "../../../lib/log.ts";
import { SyncManager } from "../../../lib/sync/manager.ts";
import type { Supervisor } from "../../../lib/transport/supervisor.ts";
import { cleanEnvironment, flagList, rigFlags } from "../../../tests/support/agent.ts";
import { Child, runOk } from "../../../tests/support/child.ts";
import type { Rig } from "../../../tests/support/rig.ts";
import { rigSupervisor } from "../../../tests/support/rig_supervisor.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const REMOTE_BASE = "/srv/dev/rda-bench-sync";
const TRANSFER_TIMEOUT_MS = 240_000;

/** See the file comment. */
export class SyncStage implements AsyncDisposable {
  readonly rig: Rig;
  readonly manager: SyncManager;
  readonly #base: string;
  readonly #supervisor: Supervisor;
  #count = 0;

  private constructor(rig: Rig, base: string, supervisor: Supervisor, manager: SyncManager) {
    this.rig = rig;
    this.#base = base;
    this.#supervisor = supervisor;
    this.manager = manager;
  }

  static async open(rig: Rig): Promise<SyncStage> {
    const base = Deno.realPathSync(await Deno.makeTempDir({ prefix: "rda-bench-sync-" }));
    const supervisor = rigSupervisor(rig);
    await supervisor.start();
    const manager = await SyncManager.open({
      stateFolder: join(base, "state"),
      owner: "bench",
      syncRoot: `${REMOTE_BASE}/copies`,
      maxBytes: 1e12,
      ignore: [],
      gitignore: false,
      remote: "rig",
      log: logger("sync"),
      shell: async (signal) => {
        const transport = await supervisor.ready({ waitMs: 20_000, signal });
        const shell = await transport.bulkShell?.() ?? transport.shell;
        if (shell === undefined) throw new Error("The rig runs no commands");
        return shell;
      },
    });
    await rig.verb("exec", "-u", rig.user, "mkdir", "-p", REMOTE_BASE);
    return new SyncStage(rig, base, supervisor, manager);
  }

  /** A local path that does not exist yet. */
  local(): string {
    return join(this.#base, `tree${this.#count++}`);
  }

  /** A remote path that does not exist yet, as the host names it. */
  remote(): string {
    return `${REMOTE_BASE}/tree${this.#count++}`;
  }

  /** Where a remote path is seen from here. */
  seen(remote: string): string {
    return this.rig.root + remote;
  }

  /** Milliseconds of `rsync -a` of a folder to a new one. */
  async rsync(local: string): Promise<number> {
    const to = `${this.rig.address}:${this.remote()}/`;
    const ssh = `ssh -F ${this.rig.sshConfig} -o ControlPath=none`;
    const since = performance.now();
    await runOk("rsync", ["-a", "-e", ssh, `${local}/`, to], { timeoutMs: TRANSFER_TIMEOUT_MS });
    return performance.now() - since;
  }

  /** Starts `sync --watch` between two folders; settles when they are equal. */
  async watch(local: string, remote: string): Promise<Child> {
    const { "remote-docker": _engine, "shutdown-timeout": _shutdown, ...link } = rigFlags(this.rig);
    const flags = flagList({ ...link, watch: "", "log-level": "warn" });
    const run = ["run", "-A", "--quiet", ...RUNTIME_FLAGS, "--config", CONFIG, MAIN];
    const env = { ...cleanEnvironment(), XDG_STATE_HOME: `${local}.state` };
    const child = new Child(Deno.execPath(), [...run, "sync", local, remote, ...flags], { env });
    await child.waitFor(/Synced/, TRANSFER_TIMEOUT_MS);
    return child;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager.close();
    await this.#supervisor.close();
    await Deno.remove(this.#base, { recursive: true });
    await this.rig.verb("exec", "rm", "-rf", REMOTE_BASE);
  }
}
