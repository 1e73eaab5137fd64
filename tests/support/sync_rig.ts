/** One local folder, one of the rig, and the command `sync` between them. */
import { join } from "node:path";
import { contents } from "../unit/sync/harness.ts";
import { flagList, rigFlags, spawnAgent } from "./agent.ts";
import type { Child } from "./child.ts";
import type { Rig } from "./rig.ts";

/** Where uploads of a plain sync are put together. */
export const STAGING = ".remote-docker-agent-staging";

/** Some tests move hundreds of megabytes. */
const SYNC_TIMEOUT_MS = 300_000;

/** See the file comment. Removes both folders at its end. */
export class SyncRig implements AsyncDisposable {
  readonly rig: Rig;
  readonly base: string = Deno.makeTempDirSync({ prefix: "rda-e2e-sync-" });
  readonly local: string = join(this.base, "local");
  /** As the remote host names it, and as it is seen from here. */
  readonly remotePath: string;
  readonly remote: string;

  readonly #uid: number;

  /** `there` may be written by the user of the rig, or of the flags, whose number is `uid`. */
  constructor(rig: Rig, { there = "/srv/dev", uid = 1000 } = {}) {
    this.rig = rig;
    this.#uid = uid;
    Deno.mkdirSync(this.local);
    this.remotePath = `${there}/${crypto.randomUUID()}`;
    this.remote = rig.root + this.remotePath;
  }

  /** Starts the command; `flags` are added. */
  spawn(flags: Record<string, string> = {}): Child {
    return spawnAgent(this.args(flags), this.vars);
  }

  get vars(): Record<string, string> {
    return { XDG_STATE_HOME: join(this.base, "state") };
  }

  /** The arguments of the command; `flags` are added. */
  args(flags: Record<string, string> = {}): string[] {
    const { "remote-docker": _engine, "shutdown-timeout": _shutdown, ...link } = rigFlags(this.rig);
    const place = `${this.rig.address}:${this.remotePath}`;
    const { "ssh-host": host, ...rest } = link;
    const target = host === undefined ? place : this.remotePath;
    const all = { ...rest, ...(host !== undefined && { "ssh-host": host }), ...flags };
    return ["sync", this.local, target, ...flagList(all)];
  }

  /** Runs the command to its end; returns what it printed. Throws unless it ends well. */
  async sync(flags: Record<string, string> = {}): Promise<string> {
    await using child = this.spawn(flags);
    const code = await child.wait(SYNC_TIMEOUT_MS);
    if (code !== 0) throw new Error(`sync ends with ${code}:\n${child.output}`);
    return child.stdout;
  }

  /** The remote tree, in the form of {@link contents}, without our own directory in it. */
  remoteContents(): Record<string, string> {
    const all = Object.entries(contents(this.remote));
    return Object.fromEntries(all.filter(([path]) => !path.startsWith(STAGING)));
  }

  /** Writes on the remote side, as the user there. */
  async remoteWrite(path: string, text: string): Promise<void> {
    await Deno.writeTextFile(join(this.remote, path), text);
    await Deno.chown(join(this.remote, path), this.#uid, this.#uid);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.base, { recursive: true });
    await Deno.remove(this.remote, { recursive: true }).catch(() => {}); // never synced
  }
}
