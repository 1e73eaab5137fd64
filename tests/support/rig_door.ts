/**
 * A door of the rig beside sshd: a guest, or a gateway before one. It is the program itself, run on the
 * remote host as the user who may use Docker, with certificates of an authority of the test's own. It
 * ends when it is disposed of, or with the test process.
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
const READY_TIMEOUT_MS = 120_000;
/** Ends the program with its standard input, which ends with the test process. */
const RUN = 'l=$1; i=$2; shift 2; "$@" >"$l" 2>&1 & p=$!; echo $p >"$i"; ' +
  "cat >/dev/null; kill $p; wait $p";
/** Between the port of a gateway and that of its guest. */
const INNER = 100;

/** What stands on the remote host; each part is a process of its own. */
export interface RigDoorOptions {
  /** Of the remote host's own address. */
  port: number;
  /** A gateway in front, which leads to the engine and to a guest on loopback; else the guest alone. */
  gateway?: boolean;
  /** More flags of the guest. */
  flags?: readonly string[];
  /** The guest is not started yet. */
  later?: boolean;
}

/** See the file comment. */
export class RigDoor implements AsyncDisposable {
  readonly address: string;
  readonly port: number;
  readonly authority: CertificateFiles;
  readonly client: CertificateFiles;
  readonly certificates: Certificates;
  /** The flags of an agent that comes in here. */
  readonly flags: Readonly<Record<string, string>>;
  /** The guest, which a test may stop and start. */
  readonly guest: DoorPart;
  readonly #directory: string;
  readonly #gateway: DoorPart | undefined;

  private constructor(
    fields: Pick<RigDoor, "address" | "port" | "authority" | "client" | "certificates" | "flags">,
    directory: string,
    parts: { guest: DoorPart; gateway: DoorPart | undefined },
  ) {
    this.address = fields.address;
    this.port = fields.port;
    this.authority = fields.authority;
    this.client = fields.client;
    this.certificates = fields.certificates;
    this.flags = fields.flags;
    this.#directory = directory;
    this.guest = parts.guest;
    this.#gateway = parts.gateway;
  }

  /** Starts one and waits until it listens. */
  static async open(rig: Rig, options: RigDoorOptions): Promise<RigDoor> {
    await install(rig);
    const { port, gateway = false, flags: more = [], later = false } = options;
    const directory = await Deno.makeTempDir({ prefix: "rda-door-" });
    const certificates = new Certificates(directory);
    const authority = await certificates.authority("ca");
    const name = `${rig.name}.containers.test`;
    const altNames = `IP:${rig.address},IP:127.0.0.1,DNS:${name}`;
    const own = await certificates.issue(authority, "own", { altNames });
    const client = await certificates.issue(authority, "client");
    const address = `${rig.address}:${port}`;
    const door = [`--listen=${address}`, ...await installTls(rig, port, own, authority)];
    const inner = port + INNER;
    const parts = gateway
      ? {
        guest: new DoorPart(rig, ["guest", `--port=${inner}`, ...more], inner),
        gateway: new DoorPart(rig, [
          ...["gateway", ...door, `--gateway-host=${name}`],
          ...[`--gateway-engine=unix://${rig.dockerSocket}`, "--allow-client=client"],
          `--gateway-guest=http://127.0.0.1:${inner}`,
        ], port),
      }
      : { guest: new DoorPart(rig, ["guest", ...door, ...more], port), gateway: undefined };
    await Promise.all([later ? undefined : parts.guest.start(), parts.gateway?.start()]);
    const flags = flagsOf(address, gateway ? name : undefined, { authority, client });
    return new RigDoor(
      { address: rig.address, port, authority, client, certificates, flags },
      directory,
      parts,
    );
  }

  /** What clients meet is killed, with all that goes on through it, and is there again. */
  async restart(): Promise<void> {
    const front = this.#gateway ?? this.guest;
    await front.kill();
    await front.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.guest.stop();
    await this.#gateway?.stop();
    await Deno.remove(this.#directory, { recursive: true });
  }
}

/** One program of a door: started and stopped as often as a test likes. */
export class DoorPart {
  readonly #rig: Rig;
  readonly #args: readonly string[];
  readonly #port: number;
  #process: Deno.ChildProcess | undefined;

  /** `args`: its command line, with which it listens on `port`. */
  constructor(rig: Rig, args: readonly string[], port: number) {
    this.#rig = rig;
    this.#args = args;
    this.#port = port;
  }

  /** Starts it, with `more` flags, and waits until it listens. */
  async start(more: readonly string[] = []): Promise<void> {
    this.#process = spawn(this.#rig, this.#port, [...this.#args, ...more]);
    const open = () => listens(this.#rig, this.#port);
    await until("the door is open", open, { timeoutMs: READY_TIMEOUT_MS });
  }

  /** Ends it at once, so that it says nothing to anybody. */
  async kill(): Promise<void> {
    await this.#signal("KILL");
    await this.stop();
  }

  /** It answers nobody, and its connections stay, until the result is disposed of. */
  async freeze(): Promise<AsyncDisposable> {
    await this.#signal("STOP");
    return { [Symbol.asyncDispose]: () => this.#signal("CONT") };
  }

  async #signal(name: string): Promise<void> {
    await this.#rig.verb("exec", "sh", "-c", `kill -${name} $(cat ${idFile(this.#port)})`);
  }

  /** Ends it and waits until it has. */
  async stop(): Promise<void> {
    const process = this.#process;
    this.#process = undefined;
    await process?.stdin.close().catch(() => {}); // it may have ended by itself
    await process?.status;
  }
}

/** `name`: of the host behind a gateway. */
function flagsOf(
  address: string,
  name: string | undefined,
  { authority, client }: Pick<RigDoor, "authority" | "client">,
): Record<string, string> {
  const { certFile, keyFile } = client;
  if (name === undefined) {
    const caFile = authority.certFile;
    return { "ts-server": address, "ts-cert": certFile, "ts-key": keyFile, "ts-ca": caFile };
  }
  return {
    "transport": "mtls",
    "mtls-endpoint": address,
    "mtls-sni": name,
    "mtls-cert": certFile,
    "mtls-key": keyFile,
    "mtls-ca": authority.certFile,
  };
}

/** Where the process id of what listens on the port is. */
function idFile(port: number): string {
  return `/tmp/rda-door-${port}.pid`;
}

function spawn(rig: Rig, port: number, args: readonly string[]): Deno.ChildProcess {
  const program = [`${HOME}/deno`, "run", "-A", "--quiet", "--cached-only"];
  const main = ["--config", `${HOME}/project/deno.json`, `${HOME}/project/main.ts`];
  const env = [`DENO_DIR=/tmp/rda-deno`, `NO_COLOR=1`, ...registry()];
  const command = ["env", ...env, ...program, ...main, ...args, "--log-level=debug"];
  const log = `/tmp/rda-${args[0]}.log`;
  const script = ["sh", "-c", RUN, "sh", log, idFile(port), ...command];
  return new Deno.Command(SCRIPT, {
    args: ["-n", rig.name, "exec", "-u", rig.user, ...script],
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
    'mkdir -p "$4/npm"; cp -ru "$5/." "$4/npm/"',
    'chmod -R a+rwX "$1" "$4"',
  ].join("; ");
  const executable = await Deno.realPath(Deno.execPath());
  await runOk("sh", ["-ec", script, "sh", home, PROJECT, executable, cache, packages]);
}

/** Puts what a door shows, and whom it lets in, onto the remote host; the flags that say where. */
async function installTls(
  rig: Rig,
  port: number,
  own: CertificateFiles,
  authority: CertificateFiles,
): Promise<string[]> {
  const tls = `${HOME}/tls-${port}`;
  await Deno.mkdir(`${rig.root}${tls}`, { recursive: true });
  for (const file of [own.certFile, own.keyFile, authority.certFile]) {
    await Deno.copyFile(file, `${rig.root}${tls}/${file.slice(file.lastIndexOf("/") + 1)}`);
  }
  await runOk("chown", ["-R", "--reference", `${rig.root}/home/${rig.user}`, rig.root + tls]);
  return [`--tls-cert=${tls}/own.pem`, `--tls-key=${tls}/own.key`, `--client-ca=${tls}/ca.pem`];
}

async function listens(rig: Rig, port: number): Promise<boolean> {
  const look = `grep -qi ":${port.toString(16).padStart(4, "0")} .* 0A " /proc/net/tcp`;
  return await rig.verb("exec", "sh", "-c", `${look} && echo yes || echo no`) === "yes\n";
}
