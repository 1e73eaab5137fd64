/**
 * The server a relay starts for itself: it is told our public key, and its host key, which it says
 * when it begins to listen, is the only one accepted, so that nobody else on its port is taken for it.
 */
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { AgentError } from "../errors.ts";
import type { SshHost } from "../transport/url.ts";
import type { Target } from "../transport/transport.ts";
import { readKeyFile } from "../transport/ssh/auth/key_file.ts";
import { hostEntryName } from "../transport/ssh/host_key/known_hosts.ts";
import { WslServer } from "./wsl_server.ts";

/** How to start the server. Durations are milliseconds. */
export interface OwnServerOptions {
  readonly distribution: string;
  /** As Windows or the distribution names it. */
  readonly program: string;
  readonly watchParent: boolean;
  readonly pollIntervalMs: number;
  readonly maxWaitMs: number;
  readonly bufferSize?: number;
}

/** The part of a relay's options that matters here. */
interface Surroundings {
  readonly server?: OwnServerOptions;
  readonly ssh: SshHost & { readonly port: number };
  readonly remoteDocker: Target;
  readonly identityFile: string;
  readonly maxRetries: number;
}

/** See the file comment. */
export interface OwnServer {
  /** Settles with the error when the server is given up. */
  readonly failed: Promise<Error>;
  /** Holds the server's host key, and is written anew when that changes. */
  readonly knownHostsFile: string;
}

/**
 * Starts the server, if there is one to be started, and waits until it answers. What is to be undone
 * is added to `cleanup`. Throws `AgentError`.
 */
export async function startOwnServer(
  { server, ssh, remoteDocker, identityFile, maxRetries }: Surroundings,
  signal: AbortSignal,
  cleanup: (() => Promise<void> | void)[],
): Promise<OwnServer | undefined> {
  if (server === undefined) return undefined;
  if (remoteDocker.kind !== "unix") {
    throw new AgentError("config", "The server inside WSL can relay to a Unix socket only", {
      hint: "give --remote-docker unix:///PATH",
    });
  }
  const directory = await Deno.makeTempDir({ prefix: "remote-docker-agent-" });
  cleanup.push(() => Deno.remove(directory, { recursive: true }));
  const knownHostsFile = join(directory, "known_hosts");
  const name = hostEntryName(ssh.host, ssh.port);
  const wsl = new WslServer({
    ...server,
    ...{ host: ssh.host, port: ssh.port, socket: remoteDocker.path, maxRetries },
    authorizedKeys: [await publicLineOf(identityFile)],
    onHostKey: (key) => Deno.writeTextFile(knownHostsFile, `${name} ${key}\n`),
  });
  cleanup.push(() => wsl.close());
  await wsl.start(signal);
  return { failed: wsl.failed, knownHostsFile };
}

/** Our key as a line of `authorized_keys`, so that the server we start lets us in. */
async function publicLineOf(identityFile: string): Promise<string> {
  const { publicBlob } = await readKeyFile(identityFile);
  if (publicBlob === undefined) {
    throw new AgentError("authentication", `Cannot find the public half of "${identityFile}"`, {
      hint: `write it beside: ssh-keygen -y -f "${identityFile}" > "${identityFile}.pub"`,
    });
  }
  const type = publicBlob.toString("latin1", 4, 4 + publicBlob.readUInt32BE(0));
  return `${type} ${Buffer.from(publicBlob).toString("base64")} relay`;
}
