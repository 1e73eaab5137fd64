/**
 * Random edits on both sides, random cuts of the link, random restarts: in the end both sides are
 * equal, and every content that was ever alone on a side is there or kept. `RDA_SEED`
 * and `RDA_SYNC_SEQUENCES` choose others, and more, than the ones that every run has.
 */
import { join } from "node:path";
import { AgentError } from "../../../lib/errors.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { LocalShell } from "../../support/local_shell.ts";
import { hasSftpServer, LocalSftp } from "../../support/local_sftp.ts";
import { mulberry32 } from "./random.ts";
import { contents, SyncBench } from "./harness.ts";

const SEQUENCES = Number(Deno.env.get("RDA_SYNC_SEQUENCES") ?? 12);
const ROUNDS = 5;
/** Of so many sequences one goes by SFTP as well: a look at a fresh file takes up to a second there. */
const SFTP_SHARE = 12;
const NAMES = ["a", "b", "c d", "-e", "f\ng"];

Deno.test("random edits, cuts and restarts end in equal trees and lose nothing", async () => {
  const seed = Number(Deno.env.get("RDA_SEED") ?? 20_261);
  for (let i = 0; i < SEQUENCES; i++) await sequence(seed + i, () => new LocalShell());
});

Deno.test({
  name: "random edits, cuts and restarts by SFTP end in equal trees and lose nothing",
  ignore: !hasSftpServer(),
  sanitizeResources: false, // ssh2 leaves the cipher of a packet that was cut to the collector
  fn: async () => {
    const seed = Number(Deno.env.get("RDA_SEED") ?? 20_261);
    const links: LocalSftp[] = [];
    try {
      for (let i = 0; i < Math.ceil(SEQUENCES / SFTP_SHARE); i++) {
        await sequence(seed + i, () => {
          const link = new LocalSftp();
          links.push(link);
          return link;
        }, 2);
        for (const link of links.splice(0)) await link.close();
      }
    } finally {
      for (const link of links) await link.close();
    }
  },
});

async function sequence(
  seed: number,
  connect: () => LocalShell | LocalSftp,
  rounds = ROUNDS,
): Promise<void> {
  const random = mulberry32(seed);
  await using bench = new SyncBench({ used: true });
  bench.shell = connect();
  // An emptied root would halt the session, which other tests are about.
  Deno.writeTextFileSync(join(bench.local, "anchor"), "1");
  Deno.writeTextFileSync(join(bench.local, "anchor 2"), "2");
  const written = new Writer(random);
  let pinned = { local: new Set<string>(), remote: new Set<string>() };
  try {
    for (let round = 0; round < rounds; round++) {
      Deno.mkdirSync(bench.remote, { recursive: true });
      for (let n = pick(random, 6); n > 0; n--) written.edit(bench.local, pinned.local);
      for (let n = pick(random, 6); n > 0; n--) written.edit(bench.remote, pinned.remote);
      const cuts = pick(random, 3);
      for (let n = 0; n < cuts; n++) {
        const shell = connect();
        shell.cutAfter(1 + pick(random, 12_000));
        bench.shell = shell;
        await bench.session.flush().catch(onlyLost);
        if (pick(random, 2) === 0) await bench.restart();
      }
      bench.shell = connect();
      // Again, and again: what is known of the look before must not hide what comes next.
      for (let n = pick(random, 4); n >= 0; n--) await bench.session.flush();
      const local = contents(bench.local);
      assertEquals(contents(bench.remote), local);
      const kept = bench.session.conflicts.list().map(({ kept }) => Deno.readTextFileSync(kept));
      const there = new Set([...Object.values(local), ...kept]);
      for (const content of [...pinned.local, ...pinned.remote]) {
        assert(there.has(content), `"${content}" is lost`);
      }
      pinned = { local: new Set(), remote: new Set() };
    }
  } catch (error) {
    throw new Error(`Failed with RDA_SEED=${seed} RDA_SYNC_SEQUENCES=1`, { cause: error });
  }
}

function onlyLost(error: unknown): void {
  if (!(error instanceof AgentError) || error.kind !== "lost") throw error;
}

function pick(random: () => number, below: number): number {
  return Math.floor(random() * below);
}

/** Edits a tree the way people and programs do; every content is written once in a run. */
class Writer {
  readonly #random: () => number;
  #count = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** `alone` holds what this side has written since the last sync and not itself undone. */
  edit(root: string, alone: Set<string>): void {
    const path = join(root, this.#path());
    switch (pick(this.#random, 8)) {
      case 0:
      case 1:
        return this.#remove(path, alone);
      case 2:
        return this.#attempt(() => Deno.mkdirSync(path, { recursive: true }));
      case 3:
        return this.#move(path, join(root, this.#path()), alone);
      default:
        return this.#write(path, alone);
    }
  }

  #path(): string {
    const depth = 1 + pick(this.#random, 3);
    return Array.from({ length: depth }, () => NAMES[pick(this.#random, NAMES.length)]).join("/");
  }

  #write(path: string, alone: Set<string>): void {
    this.#attempt(() => {
      Deno.mkdirSync(join(path, ".."), { recursive: true });
      const size = pick(this.#random, 4) === 0 ? 20_000 : 3;
      // Half of the contents have the same size, so that only reading tells them apart.
      const content = `${String(this.#count++).padStart(6, "0")} ${"x".repeat(size)}`;
      const old = tryRead(path);
      Deno.writeTextFileSync(path, content);
      if (old !== undefined) alone.delete(old);
      alone.add(content);
    });
  }

  #remove(path: string, alone: Set<string>): void {
    this.#attempt(() => {
      for (const content of below(path)) alone.delete(content);
      Deno.removeSync(path, { recursive: true });
    });
  }

  #move(from: string, to: string, alone: Set<string>): void {
    this.#attempt(() => {
      const old = below(to);
      Deno.renameSync(from, to);
      for (const content of old) if (from !== to) alone.delete(content);
    });
  }

  /** What the file system refuses (a file where a directory is needed) is no edit. */
  #attempt(change: () => void): void {
    try {
      change();
    } catch (error) {
      if (!(error instanceof Error) || error.name === "AssertionError") throw error;
    }
  }
}

function tryRead(path: string): string | undefined {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return undefined;
  }
}

function below(path: string): string[] {
  try {
    if (!Deno.lstatSync(path).isDirectory) return [Deno.readTextFileSync(path)];
    return Object.values(contents(path)).filter((content) => content !== "/");
  } catch {
    return [];
  }
}
