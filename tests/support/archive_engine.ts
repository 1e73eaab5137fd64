/**
 * An engine as far as the archives of one stopped container go, for tests without one: the API is
 * served on a socket, and GNU tar unpacks as the engine does, what is there making room first.
 */
import { dirname, join } from "node:path";
import { EngineCalls } from "../../lib/docker/engine_calls.ts";
import type { Duplex } from "../../lib/net/duplex.ts";
import { denoConnDuplex } from "../../lib/net/deno_conn.ts";
import { ByteReader } from "../../lib/sync/byte_reader.ts";
import { TarReader } from "../../lib/sync/transfer/tar_read.ts";
import { exists } from "./exists.ts";

/** Where the container has its volume. */
const PLACE = "remote-docker-agent.volume";
const GO_DIR = 0x80000000;
const GO_LINK = 0x08000000;

/** See the file comment. The maker closes it. */
export class ArchiveEngine {
  readonly calls: EngineCalls;
  readonly base: string = Deno.realPathSync(Deno.makeTempDirSync({ prefix: "rda-engine-" }));
  /** The requests so far, as `METHOD /path`. */
  readonly asked: string[] = [];
  readonly #server: Deno.HttpServer;
  #container: string | undefined;
  #limit: number | undefined;

  constructor() {
    const path = join(this.base, "engine.sock");
    // A request that is cut off has no answer that anybody gets.
    const onError = () => new Response(null, { status: 500 });
    const options = { path, onListen: () => {}, onError };
    this.#server = Deno.serve(options, (request) => this.#answer(request));
    this.calls = new EngineCalls(async () =>
      this.#limited(denoConnDuplex(await Deno.connect({ transport: "unix", path })))
    );
  }

  /** From now on each connection ends once so many bytes have been sent on it. */
  cutAfter(bytes: number | undefined): void {
    this.#limit = bytes;
  }

  #limited(duplex: Duplex): Duplex {
    let left = this.#limit ?? Infinity;
    return {
      read: () => duplex.read(),
      write: async (chunk) => {
        left -= chunk.length;
        if (left < 0) duplex.close();
        await duplex.write(chunk);
      },
      closeWrite: () => duplex.closeWrite(),
      close: () => duplex.close(),
      closed: duplex.closed,
    };
  }

  /** What is in the volume. */
  get volume(): string {
    return join(this.base, "fs", PLACE);
  }

  /** Whether there is a container for files. */
  get hasHelper(): boolean {
    return this.#container !== undefined;
  }

  /** Removes the stopped container, as `docker container prune` does. */
  pruneContainers(): void {
    this.#container = undefined;
  }

  async #answer(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    this.asked.push(`${request.method} ${pathname}`);
    const at = join(this.base, "fs", searchParams.get("path") ?? "");
    switch (
      `${request.method} ${pathname.replace(/(?<=\/(volumes|containers)\/)remote[^/]*/, "X")}`
    ) {
      case "GET /volumes/X":
        return exists(this.volume)
          ? Response.json({ Mountpoint: "/v" })
          : refuse(404, "no such volume");
      case "POST /volumes/create":
        await Deno.mkdir(this.volume, { recursive: true });
        return Response.json({ Mountpoint: "/v" }, { status: 201 });
      case "GET /containers/json":
        return Response.json([]);
      case "GET /images/json":
        return Response.json([{ Id: "sha256:1" }]);
      case "POST /containers/create":
        return this.#create(searchParams.get("name") ?? "");
      case "DELETE /containers/X":
        this.#container = undefined;
        return new Response(null, { status: 204 });
    }
    if (this.#container === undefined) return refuse(404, `No such container: ${pathname}`);
    if (request.method === "PUT") return await unpack(request, at, searchParams);
    if (!exists(at)) return refuse(404, "Could not find the file");
    return request.method === "HEAD" ? await stat(at) : await pack(at);
  }

  #create(name: string): Response {
    if (this.#container === name) return refuse(409, "Conflict");
    this.#container = name;
    return Response.json({ Id: name }, { status: 201 });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.calls.close();
    await this.#server.shutdown();
    await Deno.remove(this.base, { recursive: true });
  }
}

function refuse(status: number, message: string): Response {
  return Response.json({ message }, { status });
}

/** GNU tar keeps a link to itself; the engine removes first what is there, as it does for any entry. */
async function unpack(request: Request, at: string, query: URLSearchParams): Promise<Response> {
  const archive = new Uint8Array(await request.arrayBuffer());
  const isWhole = query.get("noOverwriteDirNonDir") === "0";
  const remove = ["-U", ...isWhole ? ["--recursive-unlink"] : []];
  const options = await linksToItself(archive) ? remove : [];
  const { code, stderr } = await tar(["-xp", ...options, "--numeric-owner", "-C", at], archive);
  return code === 0 ? new Response() : refuse(500, new TextDecoder().decode(stderr));
}

async function linksToItself(archive: Uint8Array): Promise<boolean> {
  const chunks: (Uint8Array | null)[] = [archive, null];
  const reader = new ByteReader({ read: () => Promise.resolve(chunks.shift() ?? null) });
  const first = await new TarReader(reader).next();
  return first?.kind === "hardlink" && first.link === first.name;
}

async function pack(at: string): Promise<Response> {
  const name = at.slice(dirname(at).length + 1);
  const { stdout } = await tar(["-c", "-C", dirname(at), "--", name], null);
  return new Response(new Uint8Array(stdout));
}

async function tar(args: string[], input: Uint8Array<ArrayBuffer> | null) {
  const command = { args, stdin: "piped", stdout: "piped", stderr: "piped" } as const;
  const child = new Deno.Command("tar", command).spawn();
  const sent = new Blob(input === null ? [] : [input]).stream().pipeTo(child.stdin);
  // A tar that gives up leaves the rest unread.
  const [output] = await Promise.all([child.output(), sent.catch(() => {})]);
  return output;
}

async function stat(at: string): Promise<Response> {
  const { isDirectory, isSymlink, mode, size, mtime } = await Deno.lstat(at);
  const value = {
    mode: ((mode ?? 0) & 0o777) + (isDirectory ? GO_DIR : 0) + (isSymlink ? GO_LINK : 0),
    size,
    mtime: mtime?.toISOString(),
  };
  const header = btoa(JSON.stringify(value));
  return new Response(null, { headers: { "X-Docker-Container-Path-Stat": header } });
}
