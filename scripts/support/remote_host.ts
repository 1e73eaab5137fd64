/**
 * A remote host for the demo and for development, with nothing prepared: the rig where root and
 * Debian allow it, otherwise a loopback SSH server in front of the local engine's socket.
 */
import { type Rig, rigDown, rigUp, unsupported } from "../../tests/support/rig.ts";
import { rigFlags } from "../../tests/support/agent.ts";
import { loopbackSsh } from "./loopback_ssh.ts";

/** A host the agent can be started for. Its owner calls `close`, after every client has ended. */
export interface RemoteHost {
  /** For people. */
  readonly description: string;
  /** Flags of the agent that lead there, without dashes. */
  readonly flags: Record<string, string>;
  /** An image the host has, or can get. */
  readonly image: string;
  close(): Promise<void>;
}

const USER = "demo";

/** Brings one up, telling on `say` what it does. Throws when this machine offers neither way. */
export async function remoteHost(name: string, say: (line: string) => void): Promise<RemoteHost> {
  const obstacle = Deno.env.get("RDA_DEMO_HOST") === "loopback"
    ? "RDA_DEMO_HOST says loopback"
    : unsupported();
  if (obstacle === undefined) return await rigHost(name, say);
  const socket = localEngine();
  if (socket === undefined) {
    throw new Error(
      `No remote host can be made here: ${obstacle}, and no local Docker socket was found; ` +
        "install Docker, or run this as root on Debian",
    );
  }
  say(`A loopback SSH server in front of ${socket} stands in for a remote host (${obstacle}).`);
  return await loopbackHost(socket);
}

async function rigHost(name: string, say: (line: string) => void): Promise<RemoteHost> {
  say("Bringing up a remote host; the first time this installs the Debian packages it needs.");
  try {
    const rig: Rig = await rigUp(name);
    return {
      description:
        `${rig.user}@${rig.address}, with its own network, file system, sshd and dockerd`,
      flags: agentFlags(rigFlags(rig)),
      image: "bb",
      close: () => Promise.resolve(rigDown(name)),
    };
  } catch (error) {
    rigDown(name);
    throw error;
  }
}

async function loopbackHost(socket: string): Promise<RemoteHost> {
  const directory = await Deno.makeTempDir({ prefix: "rda-loopback-" });
  const server = await loopbackSsh(USER, directory);
  return {
    description: `${USER}@127.0.0.1:${server.port}, in front of ${socket}`,
    flags: {
      "ssh-host": `127.0.0.1:${server.port}`,
      "ssh-user": USER,
      "ssh-key": server.key,
      "ssh-known-hosts": server.knownHosts,
      "ssh-config": "none",
      "remote-docker": `unix://${socket}`,
      "log-format": "text",
    },
    image: "busybox",
    async close() {
      server.close();
      await Deno.remove(directory, { recursive: true });
    },
  };
}

/** The flags of the tests, less those that only tests want. */
function agentFlags(flags: Record<string, string>): Record<string, string> {
  const { "log-level": _level, timeout: _timeout, "reconnect-wait": _wait, ...rest } = flags;
  return { ...rest, "log-format": "text" };
}

/** The socket of a local engine, if one can be reached. */
function localEngine(): string | undefined {
  const named = Deno.env.get("DOCKER_HOST")?.match(/^unix:\/\/(\/.*)$/)?.[1];
  const candidates = [
    named,
    "/var/run/docker.sock",
    `${Deno.env.get("HOME")}/.docker/run/docker.sock`,
  ];
  return candidates.filter((path) => path !== undefined).find(isSocket);
}

function isSocket(path: string): boolean {
  try {
    return Deno.statSync(path).isSocket === true;
  } catch {
    return false; // not there, or not ours to see
  }
}
