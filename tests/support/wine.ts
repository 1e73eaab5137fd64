/**
 * Windows programs under Wine: Deno for Windows runs the program in namespaces of its own, in a root
 * that `tests/rig/wine-root` makes once. The network is this machine's, so the Windows side reaches
 * servers of the Linux side on 127.0.0.1. Whoever opens a {@link Wine} disposes of it, and every
 * process in it ends with it.
 *
 * The root is looked for in `RDA_WINE_ROOT`, else in the user's cache. Where there is none the tests
 * are skipped, unless `RDA_WINE=1` asks for one to be made: that takes 1.3 GB and some minutes.
 */
import { Child, runCommand, runOk } from "./child.ts";
import { SKIPPED_BECAUSE } from "./e2e.ts";
import { RelayHome } from "./relay_program.ts";
import { unsupported } from "./rig.ts";

const SCRIPT = new URL("../rig/wine-root", import.meta.url).pathname;
const PROJECT = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");
const MAKE_TIMEOUT_MS = 1_800_000;

/** Where things are for a Windows program: Wine shows the root file system as drive Z. */
export const ON_WINDOWS = {
  project: "Z:\\project",
  /** The directory shared with the Linux side. */
  shared: "Z:\\shared",
  home: "C:\\users\\root",
} as const;

/** Mounts what a root needs, says so, and waits; everything ends with this process. */
const HOLD = `
  mount -t proc proc "$ROOT/proc"
  mount --rbind /dev "$ROOT/dev"
  mount -t tmpfs tmpfs "$ROOT/tmp"
  mkdir "$ROOT/tmp/a" "$ROOT/tmp/b" "$ROOT/tmp/c" "$ROOT/tmp/d"
  mount --bind -o ro "$PROJECT" "$ROOT/project"
  mount --bind "$SHARED" "$ROOT/shared"
  mount -t overlay overlay -o "lowerdir=$CACHE,upperdir=$ROOT/tmp/a,workdir=$ROOT/tmp/b" "$ROOT/deno"
  mount -t overlay overlay \\
    -o "lowerdir=$ROOT/prefix,upperdir=$ROOT/tmp/c,workdir=$ROOT/tmp/d" "$ROOT/prefix"
  echo ready
  exec sleep infinity
`;

function rootPath(): string {
  const cache = Deno.env.get("XDG_CACHE_HOME") ?? `${Deno.env.get("HOME") ?? "/root"}/.cache`;
  return Deno.env.get("RDA_WINE_ROOT") ?? `${cache}/remote-docker-agent/wine`;
}

/** Why there is no Windows side here, or `undefined` where there is. May take minutes; see above. */
export async function wineObstacle(): Promise<string | undefined> {
  const obstacle = unsupported()?.replace("the rig", "Wine");
  if (obstacle !== undefined) return obstacle;
  const root = rootPath();
  if (await isThere(`${root}/.complete`)) return undefined;
  if (Deno.env.get("RDA_WINE") !== "1") {
    return `no Wine at ${root}; RDA_WINE=1 makes one, which takes minutes and 1.3 GB`;
  }
  const { code, stderr } = await runCommand(SCRIPT, [root], { timeoutMs: MAKE_TIMEOUT_MS });
  return code === 0 ? undefined : `Wine cannot be had: ${stderr.trim().split("\n").at(-1) ?? code}`;
}

async function isThere(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false; // nothing there
  }
}

/** A Windows side and the Linux side it talks to, which share a directory. */
export interface Sides {
  readonly wine: Wine;
  readonly linux: RelayHome;
}

/** Returns a function like `Deno.test`; call once, at the top of a test file. */
export async function onWindows(): Promise<
  (name: string, body: (sides: Sides) => Promise<void>) => void
> {
  const reason = await wineObstacle();
  return (name, body) => {
    if (reason !== undefined) {
      Deno.test.ignore(`${name}${SKIPPED_BECAUSE}${reason}]`, () => {});
      return;
    }
    Deno.test(name, async () => {
      await using linux = await RelayHome.open();
      await using wine = await Wine.open(linux.directory);
      await body({ wine, linux });
    });
  };
}

/** See the file comment. */
export class Wine implements AsyncDisposable {
  readonly #root: string;
  readonly #holder: Child;
  /** The process whose namespaces are entered. */
  readonly #inside: number;
  readonly #children: Child[] = [];

  private constructor(root: string, holder: Child, inside: number) {
    this.#root = root;
    this.#holder = holder;
    this.#inside = inside;
  }

  /** Sets the namespaces up; `shared` is a directory of this machine that both sides see. */
  static async open(shared: string): Promise<Wine> {
    const root = rootPath();
    const env = {
      PATH: Deno.env.get("PATH") ?? "/usr/sbin:/usr/bin:/sbin:/bin",
      ROOT: root,
      PROJECT,
      SHARED: shared,
      CACHE: await cacheDirectory(),
    };
    const words = ["--mount", "--pid", "--fork", "--kill-child", "sh", "-ec", HOLD];
    const holder = new Child("unshare", words, { env });
    await holder.waitFor(/ready/);
    const children = await Deno.readTextFile(`/proc/${holder.pid}/task/${holder.pid}/children`);
    return new Wine(root, holder, Number(children.trim()));
  }

  /** Runs the program. */
  agent(args: readonly string[], env: Record<string, string> = {}): WindowsProcess {
    return this.script("main.ts", args, env);
  }

  /** Runs a TypeScript file of the project, named from its root with `/`. */
  script(
    file: string,
    args: readonly string[],
    env: Record<string, string> = {},
  ): WindowsProcess {
    const project = ON_WINDOWS.project;
    const path = `${project}\\${file.replaceAll("/", "\\")}`;
    const deno = ["run", "-A", "--quiet", "--cached-only", "--config", `${project}\\deno.json`];
    return this.#spawn(["wine", "/opt/deno/deno.exe", ...deno, path, ...args], env);
  }

  /** How this machine names a file of drive C. */
  driveC(path: string): string {
    return `/proc/${this.#inside}/root${this.#root}/prefix/drive_c/${path}`;
  }

  #spawn(command: readonly string[], env: Record<string, string>): WindowsProcess {
    const variables = {
      ...{ PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LANG: "C.UTF-8" },
      ...{ WINEPREFIX: "/prefix", WINEDEBUG: "-all", DENO_DIR: "Z:\\deno", NO_COLOR: "1" },
      ...env,
    };
    // The shell says under which number the kernel knows the Windows process.
    const words = ["sh", "-c", 'echo "unix-pid=$$"; exec "$@"', "sh", ...command];
    const settings = Object.entries(variables).map(([name, value]) => `${name}=${value}`);
    const enter = ["-t", String(this.#inside), "-m", "-p", "--", "chroot", this.#root];
    const child = new Child("nsenter", [...enter, "env", "-i", ...settings, ...words]);
    this.#children.push(child);
    return new WindowsProcess(child, (pid, signal) =>
      runOk("nsenter", [
        ...["-t", String(this.#inside), "-m", "-p", "--", "sh", "-c", `kill -${signal} ${pid}`],
      ]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#holder.kill("SIGKILL");
    await this.#holder.wait();
    for (const child of this.#children) await child[Symbol.asyncDispose]();
  }
}

/** A Windows program that runs. It ends with its {@link Wine}. */
export class WindowsProcess {
  readonly child: Child;
  readonly #kill: (pid: number, signal: string) => Promise<unknown>;

  constructor(child: Child, kill: (pid: number, signal: string) => Promise<unknown>) {
    this.child = child;
    this.#kill = kill;
  }

  /** Standard output, without the line of ours. Throws while it runs. */
  get stdout(): string {
    return this.child.stdout.replace(/^unix-pid=\d+\n/, "");
  }

  /** Presses Ctrl-C: Wine makes that of SIGINT. */
  async ctrlC(): Promise<void> {
    const found = await this.child.waitFor(/unix-pid=(\d+)/);
    await this.#kill(Number(found[1]), "INT");
  }

  /** Waits for the end; returns the exit code. */
  wait(timeoutMs = 300_000): Promise<number> {
    return this.child.wait(timeoutMs);
  }
}

/** Deno's cache with the packages of the project, to be read by the Windows side. */
async function cacheDirectory(): Promise<string> {
  const info = await runOk(Deno.execPath(), ["info", "--json"]);
  const { denoDir } = JSON.parse(info) as { denoDir: string };
  return denoDir;
}
