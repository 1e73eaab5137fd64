/**
 * What must be on the remote host before anything can be measured: a large image that does not
 * compress, a running container, and large files in it. All is put there past the peers, and taken
 * away again by `clear`.
 */
import { mustDocker } from "./docker_cli.ts";
import { REMOTE_PORTS } from "./peers/forwards.ts";
import type { Peer } from "./peers/peer.ts";

/** The size of the image that is saved and loaded. */
export const IMAGE_BYTES = 300 * 1000 * 1000;
/** The size of the long transfer, and of the short one that warms up for it. */
export const LONG_BYTES = 1024 ** 3;
const SHORT_BYTES = 64 * 1024 ** 2;

/** What the web server on the remote host's loopback serves. */
export const WEB_FILE = "/large";
export const WEB_FILE_BYTES = 300 * 1024 ** 2;
export const MANY_FILE = "/small";
export const MANY_FILE_BYTES = 4 * 1024 ** 2;

const IMAGE = "rda-bench-image:latest";
const CONTAINER = "rda-bench";
const SERVERS = "rda-bench-servers";
const LONG_FILE = "/long";
const SHORT_FILE = "/short";
const TAR_BLOCK = 512;
/** The most that `crypto.getRandomValues` gives at once. */
const RANDOM_BYTES = 65_536;

/** See the file comment. */
export interface Stage {
  readonly image: string;
  readonly container: string;
  readonly longFile: string;
  readonly shortFile: string;
  /** The image, saved: a local file. */
  readonly archive: string;
  /** Removes the image and the container. */
  clear(): Promise<void>;
}

/** Sets the stage through `direct`; the archive is put into `directory`. */
export async function setStage(
  direct: Peer,
  directory: string,
  signal: AbortSignal,
): Promise<Stage> {
  const archive = `${directory}/image.tar`;
  const clear = () => clearStage(direct);
  await clear();
  try {
    await importImage(direct, signal);
    await mustDocker(direct, ["save", "-o", archive, IMAGE], signal);
    const run = ["run", "-d", "--name", CONTAINER, "bb:latest", "sh", "-c"];
    const files = `${sparseFile(LONG_FILE, LONG_BYTES)} && ${sparseFile(SHORT_FILE, SHORT_BYTES)}`;
    await mustDocker(direct, [...run, `${files} && exec sleep 86400`], signal);
    await startServers(direct, signal);
  } catch (error) {
    await clear();
    throw error;
  }
  return {
    image: IMAGE,
    container: CONTAINER,
    longFile: LONG_FILE,
    shortFile: SHORT_FILE,
    archive,
    clear,
  };
}

async function clearStage(direct: Peer): Promise<void> {
  // Both removals also run before the stage is set, when there is nothing to remove.
  for (const args of [["rm", "-f", CONTAINER, SERVERS], ["rmi", "-f", IMAGE]]) {
    const command = new Deno.Command("docker", { args, env: direct.env, stdin: "null" });
    await command.output();
  }
}

/** A web server on the loopback of the remote host and an echo server (busybox: on all addresses). */
async function startServers(direct: Peer, signal: AbortSignal): Promise<void> {
  const script = [
    "mkdir -p /www",
    sparseFile(`/www${WEB_FILE}`, WEB_FILE_BYTES),
    sparseFile(`/www${MANY_FILE}`, MANY_FILE_BYTES),
    `{ nc -ll -p ${REMOTE_PORTS.echo} -e cat & }`,
    `exec httpd -f -p 127.0.0.1:${REMOTE_PORTS.web} -h /www`,
  ].join(" && ");
  const run = ["run", "-d", "--name", SERVERS, "--network", "host", "bb:latest"];
  await mustDocker(direct, [...run, "sh", "-c", script], signal);
}

function sparseFile(path: string, bytes: number): string {
  return `dd if=/dev/zero of=${path} bs=1 count=0 seek=${bytes}`;
}

/** `docker import` of a tar archive with one file of random bytes. */
async function importImage(direct: Peer, signal: AbortSignal): Promise<void> {
  const child = new Deno.Command("docker", {
    args: ["import", "-", IMAGE],
    env: direct.env,
    stdin: "piped",
    stdout: "null",
    stderr: "inherit",
    signal,
  }).spawn();
  await ReadableStream.from(randomTar("blob", IMAGE_BYTES)).pipeTo(child.stdin);
  const { code } = await child.status;
  if (code !== 0) throw new Error(`Cannot import the image "${IMAGE}": exit code ${code}`);
}

/** A tar archive with one regular file (POSIX.1-1988 "ustar" header) of random content. */
function* randomTar(name: string, size: number): Generator<Uint8Array<ArrayBuffer>> {
  yield tarHeader(name, size);
  for (let left = size; left > 0; left -= RANDOM_BYTES) {
    yield crypto.getRandomValues(new Uint8Array(Math.min(left, RANDOM_BYTES)));
  }
  yield new Uint8Array((TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK + 2 * TAR_BLOCK);
}

function tarHeader(name: string, size: number): Uint8Array<ArrayBuffer> {
  const header = new Uint8Array(TAR_BLOCK);
  const put = (offset: number, text: string) => header.set(new TextEncoder().encode(text), offset);
  put(0, name);
  put(100, "0000644\0");
  put(108, "0000000\0");
  put(116, "0000000\0");
  put(124, `${size.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000000\0");
  put(148, "        ");
  put(156, "0");
  put(257, "ustar\x0000");
  const sum = header.reduce((total, byte) => total + byte, 0);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return header;
}
