/**
 * A guest on the rig: the program itself, run on the remote host as the user who may use Docker, with
 * certificates of an authority of the test's own. It ends when it is closed, or with the test process.
 * Deno and the packages are linked into the host's file system; nothing is downloaded.
 */
import { type CertificateFiles, Certificates } from "./certificates.ts";
import { runOk } from "./child.ts";
import { until } from "./poll.ts";
import type { Rig } from "./rig.ts";

const PROJECT = new URL("../..", import.meta.url).pathname;
const SCRIPT = new URL("../rig/rhost", import.meta.url).pathname;
/** On the remote host. */
const HOME = "/opt/rda";
const READY_TIMEOUT_MS = 30_000;
/** Ends the program with its standard input, which ends with the test process. */
const RUN = '"$@" >/tmp/rda-guest.log 2>&1 & p=$!; cat >/dev/null; kill $p; wait $p';

/** How a guest is to be; see {@link RigGuest.start}. */
export interface RigGuestOptions {
  port: number;
  /** Without TLS, on loopback only unless `flags` allow more. Default: mutual TLS. */
  plain?: { address: string };
  flags?: readonly string[];
}

/** See the file comment. */
export class RigGuest implements AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly authority: CertificateFiles;
  readonly client: CertificateFiles;
  readonly certificates: Certificates;
  readonly #directory: string;
  readonly #process: Deno.ChildProcess;

  private constructor(
    fields: Pick<RigGuest, "address" | "port" | "authority" | "client" | "certificates">,
    directory: string,
    process: Deno.ChildProcess,
  ) {
    this.address = fields.address;
    this.port = fields.port;
    this.authority = fields.authority;
    this.client = fields.client;
    this.certificates = fields.certificates;
    this.#directory = directory;
    this.#process = process;
  }

  /** Starts one and waits until it listens. */
  static async start(rig: Rig, options: RigGuestOptions): Promise<RigGuest> {
    await install(rig);
    const directory = await Deno.makeTempDir({ prefix: "rda-guest-" });
    const certificates = new Certificates(directory);
    const authority = await certificates.authority("ca");
    const altNames = `IP:${rig.address},DNS:${rig.name}.containers.test,DNS:localhost`;
    const own = await certificates.issue(authority, "guest", { altNames });
    const client = await certificates.issue(authority, "client");
    const tls = `${HOME}/tls-${options.port}`;
    await Deno.mkdir(`${rig.root}${tls}`, { recursive: true });
    for (const file of [own.certFile, own.keyFile, authority.certFile]) {
      await Deno.copyFile(file, `${rig.root}${tls}/${baseName(file)}`);
    }
    await runOk("chown", ["-R", "--reference", `${rig.root}/home/${rig.user}`, rig.root + tls]);
    const address = options.plain?.address ?? rig.address;
    const door = options.plain === undefined
      ? [`--tls-cert=${tls}/guest.pem`, `--tls-key=${tls}/guest.key`, `--client-ca=${tls}/ca.pem`]
      : [];
    const process = spawn(rig, [
      `--listen=${address}:${options.port}`,
      ...door,
      ...options.flags ?? [],
    ]);
    const { port } = options;
    const guest = new RigGuest(
      { address, port, authority, client, certificates },
      directory,
      process,
    );
    await until("the guest listens", () => listens(rig, port), { timeoutMs: READY_TIMEOUT_MS });
    return guest;
  }

  /** The flags of an agent that uses it. */
  get flags(): Record<string, string> {
    return {
      "ts-server": `${this.address}:${this.port}`,
      "ts-cert": this.client.certFile,
      "ts-key": this.client.keyFile,
      "ts-ca": this.authority.certFile,
    };
  }

  async close(): Promise<void> {
    await this.#process.stdin.close().catch(() => {}); // it may have ended by itself
    await this.#process.status;
    await Deno.remove(this.#directory, { recursive: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

function spawn(rig: Rig, args: readonly string[]): Deno.ChildProcess {
  const program = [`${HOME}/deno`, "run", "-A", "--quiet", "--cached-only"];
  const main = ["--config", `${HOME}/project/deno.json`, `${HOME}/project/main.ts`];
  const env = [`DENO_DIR=/tmp/rda-deno`, `NO_COLOR=1`, ...registry()];
  const command = ["env", ...env, ...program, ...main, "guest", "--log-level=debug", ...args];
  return new Deno.Command(SCRIPT, {
    args: ["-n", rig.name, "exec", "-u", rig.user, "sh", "-c", RUN, "sh", ...command],
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
}

/** Where packages come from decides where Deno keeps them. */
function registry(): string[] {
  const url = Deno.env.get("NPM_CONFIG_REGISTRY");
  return url === undefined ? [] : [`NPM_CONFIG_REGISTRY=${url}`];
}

/** Puts the program onto the remote host; only its sources are copied again when they are there. */
async function install(rig: Rig): Promise<void> {
  const home = rig.root + HOME;
  const cache = `${rig.root}/tmp/rda-deno`;
  const packages = `${Deno.env.get("DENO_DIR") ?? `${Deno.env.get("HOME")}/.cache/deno`}/npm`;
  const script = [
    'mkdir -p "$1/project"; rm -rf "$1/project/lib"',
    'cp -r "$2main.ts" "$2lib" "$2deno.json" "$2deno.lock" "$1/project/"',
    'test -e "$1/deno" || ln "$3" "$1/deno" 2>/dev/null || cp "$3" "$1/deno"',
    'test -d "$4" || { mkdir -p "$4" && cp -r "$5" "$4/npm"; }',
    'chmod -R a+rwX "$1" "$4"',
  ].join("; ");
  const executable = await Deno.realPath(Deno.execPath());
  await runOk("sh", ["-ec", script, "sh", home, PROJECT, executable, cache, packages]);
}

async function listens(rig: Rig, port: number): Promise<boolean> {
  const look = `grep -qi ":${port.toString(16).padStart(4, "0")} .* 0A " /proc/net/tcp`;
  return await rig.verb("exec", "sh", "-c", `${look} && echo yes || echo no`) === "yes\n";
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
