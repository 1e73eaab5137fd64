/**
 * What the relay is measured with: a server on a Unix socket that echoes, sends or takes bytes, and
 * the ways to it that are compared. Whoever opens a {@link Stage} disposes of it.
 */
import { freePort } from "../../../tests/support/free_ports.ts";
import { Child, runOk } from "../../../tests/support/child.ts";
import { until } from "../../../tests/support/poll.ts";
import { RelayHome } from "../../../tests/support/relay_program.ts";

/** A way to the far socket. */
export interface Way {
  readonly name: string;
  readonly socket: string;
  /** The processes it is made of; their memory counts. */
  readonly pids: () => number[];
}

/** First byte of a connection: what the far server is to do. The rest is up to the measurement. */
export const ECHO = 0x45, SEND = 0x53, TAKE = 0x54;
/** How much is sent or taken. */
export const BULK_BYTES = 256 * 1024 * 1024;

const PIECE = new Uint8Array(256 * 1024);
const OPTIONS_OF_ALL = ["-o", "Compression=no"];

/** See the file comment. */
export class Stage implements AsyncDisposable {
  readonly ways: Way[] = [];
  readonly #home: RelayHome;
  readonly #far: string;
  readonly #listener: Deno.UnixListener;

  private constructor(home: RelayHome) {
    this.#home = home;
    this.#far = `${home.directory}/far.sock`;
    this.#listener = Deno.listen({ transport: "unix", path: this.#far });
    void this.#serve();
  }

  static async open(): Promise<Stage> {
    const stage = new Stage(await RelayHome.open());
    stage.ways.push({ name: "direct", socket: stage.#far, pids: () => [] });
    await stage.#addRelay();
    await stage.#addOpenSsh();
    return stage;
  }

  /** Ours at both ends. */
  async #addRelay(): Promise<void> {
    const home = this.#home;
    const { child: server, port } = await home.server(["--allow-socket", this.#far]);
    const { child: relay, socket } = await home.relay([
      ...["--ssh-connection", `ssh://x@127.0.0.1:${port}`, "--remote-docker", this.#far],
    ]);
    this.ways.push({ name: "relay", socket, pids: () => [relay.pid, server.pid] });
    const local = `${home.directory}/mixed.sock`;
    const ssh = this.#forward(port, local);
    await untilThere(local);
    this.ways.push({
      name: "ssh -L to relay-server",
      socket: local,
      pids: () => [ssh.pid, server.pid],
    });
  }

  /** OpenSSH at both ends, with socat where the pipe would be. */
  async #addOpenSsh(): Promise<void> {
    const { directory, key } = this.#home;
    const port = freePort();
    await Deno.mkdir("/run/sshd", { recursive: true });
    await runOk("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", `${directory}/host`]);
    const options = {
      ...{ Port: port, ListenAddress: "127.0.0.1", HostKey: `${directory}/host` },
      ...{ AuthorizedKeysFile: `${key}.pub`, StrictModes: "no", PidFile: "none", UsePAM: "no" },
    };
    const config = Object.entries(options).map(([name, value]) => `${name} ${value}\n`).join("");
    await Deno.writeTextFile(`${directory}/sshd_config`, config);
    const sshd = this.#home.own(
      new Child("/usr/sbin/sshd", ["-D", "-e", "-f", `${directory}/sshd_config`]),
    );
    await sshd.waitFor(/Server listening/);
    const forwarded = `${directory}/openssh.sock`;
    const ssh = this.#forward(port, forwarded);
    await untilThere(forwarded);
    const socket = `${directory}/socat.sock`;
    const socat = this.#home.own(
      new Child("socat", [`UNIX-LISTEN:${socket},fork,backlog=512`, `UNIX-CONNECT:${forwarded}`]),
    );
    await untilThere(socket);
    this.ways.push({
      name: "socat + ssh -L to sshd",
      socket,
      pids: () => [ssh.pid, ...family(socat.pid), ...family(sshd.pid)],
    });
  }

  #forward(port: number, local: string): Child {
    return this.#home.own(
      new Child("ssh", [
        ...this.#home.sshOptions(port),
        ...OPTIONS_OF_ALL,
        ...["-N", "-L", `${local}:${this.#far}`, `${Deno.env.get("USER") ?? "root"}@127.0.0.1`],
      ]),
    );
  }

  async #serve(): Promise<void> {
    for await (const conn of this.#listener) void answer(conn);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#home[Symbol.asyncDispose]();
    this.#listener.close();
  }
}

async function answer(conn: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(256 * 1024);
  try {
    const first = await conn.read(buffer);
    if (first === null) return;
    if (buffer[0] === SEND) {
      for (let sent = 0; sent < BULK_BYTES; sent += PIECE.length) await writeAll(conn, PIECE);
    } else if (buffer[0] === TAKE) {
      for (let taken = first - 1; taken < BULK_BYTES;) taken += await conn.read(buffer) ?? Infinity;
      await writeAll(conn, new Uint8Array(1));
    } else {
      if (first > 1) await writeAll(conn, buffer.slice(1, first));
      for (let count; (count = await conn.read(buffer)) !== null;) {
        await writeAll(conn, buffer.subarray(0, count));
      }
    }
  } catch {
    // The measurement is over.
  } finally {
    conn.close();
  }
}

/** Writes all of it. */
export async function writeAll(conn: Deno.Conn, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await conn.write(bytes.subarray(at));
}

async function untilThere(path: string): Promise<void> {
  await until(`${path} is there`, async () => {
    (await Deno.connect({ transport: "unix", path })).close();
    return true;
  });
}

/** A process and its descendants. */
function family(pid: number): number[] {
  try {
    const text = Deno.readTextFileSync(`/proc/${pid}/task/${pid}/children`);
    const children = text.trim().split(/\s+/).filter((word) => word !== "").map(Number);
    return [pid, ...children.flatMap(family)];
  } catch {
    return []; // it has ended
  }
}
