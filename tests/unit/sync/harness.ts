/** A session between two directories of this machine, and what is in them. */
import { join } from "node:path";
import { logger } from "../../../lib/log.ts";
import { Session } from "../../../lib/sync/session/session.ts";
import type { SyncMode } from "../../../lib/sync/types.ts";
import type { Shell } from "../../../lib/transport/transport.ts";
import { LocalShell } from "../../support/local_shell.ts";

/** What a session is like; by default an ordinary folder that no container uses. */
export interface BenchOptions {
  mode?: SyncMode;
  only?: string;
  ignore?: string[];
  used?: boolean;
  gitignore?: boolean;
  ignoresCase?: boolean;
}

/** What a test works with. `state` outlives a session, as it does a killed agent. */
export class SyncBench {
  readonly base: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rda-sync-" }));
  readonly local: string = join(this.base, "local");
  readonly remote: string = join(this.base, "remote", "data");
  readonly state: string = join(this.base, "state");
  shell: Shell = new LocalShell();
  session: Session;
  readonly #options: BenchOptions;

  constructor(options: BenchOptions = {}) {
    this.#options = options;
    Deno.mkdirSync(this.local);
    Deno.mkdirSync(this.state);
    this.session = this.#open();
  }

  /** Another session on the same state, as a second agent has it. The caller closes it. */
  another(): Session {
    return this.#open();
  }

  /** Ends the session and starts another on the same state. */
  async restart(): Promise<void> {
    await this.session.close();
    this.session = this.#open();
  }

  #open(): Session {
    const { mode = "two-way-safe", only, ignore = [], used = false } = this.#options;
    const { gitignore = false, ignoresCase = false } = this.#options;
    const record = {
      id: "test",
      root: this.local,
      mode,
      ignore,
      remotePath: only === undefined ? this.remote : join(this.remote, only),
      staging: join(this.base, "remote", "staging"),
      remote: "local",
      containers: used ? { c: "c" } : {},
      ...(only !== undefined && { only }),
    };
    return new Session(this.state, record, {
      shell: () => Promise.resolve(this.shell),
      platform: Deno.build.os,
      ignoresCase,
      gitignore,
      log: logger("sync"),
      patienceMs: 300,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.close();
    await new Deno.Command("chmod", { args: ["-R", "u+rwX", this.base] }).output();
    Deno.removeSync(this.base, { recursive: true });
  }
}

/** Writes files given as path → content; `null` removes, a path ending in `/` is a directory. */
export function edit(root: string, files: Record<string, string | null>): void {
  for (const [path, content] of Object.entries(files)) {
    const target = join(root, path);
    if (content === null) Deno.removeSync(target, { recursive: true });
    else if (path.endsWith("/")) Deno.mkdirSync(target, { recursive: true });
    else {
      Deno.mkdirSync(join(target, ".."), { recursive: true });
      Deno.writeTextFileSync(target, content);
    }
  }
}

/** Everything below a directory as path → content, links as `-> target`, directories as `/`. */
export function contents(root: string, prefix = ""): Record<string, string> {
  const found: Record<string, string> = {};
  const entries = [...Deno.readDirSync(join(root, prefix))].sort((a, b) =>
    a.name < b.name ? -1 : 1
  );
  for (const entry of entries) {
    const path = prefix === "" ? entry.name : `${prefix}/${entry.name}`;
    if (entry.isSymlink) found[path] = `-> ${Deno.readLinkSync(join(root, path))}`;
    else if (entry.isDirectory) Object.assign(found, { [path]: "/" }, contents(root, path));
    else found[path] = Deno.readTextFileSync(join(root, path));
  }
  return found;
}
