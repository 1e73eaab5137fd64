/**
 * `tunnel`: a local port that leads through a guest or gateway to an address of the remote host, as a
 * `tstunnel://` URL names it. Owns the connection and the port.
 */
import { loadValues, type Sources } from "../../config/load.ts";
import { resolvePath } from "../../config/paths.ts";
import { AgentError } from "../../errors.ts";
import { DEFAULT_PUBLISH_ADDRESS } from "../../forward/address.ts";
import { BindError } from "../../forward/bind_error.ts";
import type { Published } from "../../forward/forward_info.ts";
import { ForwardingManager } from "../../forward/manager.ts";
import { configureLogging, logger } from "../../log.ts";
import { formatHostPort, isIpLiteral, parseListenAddress } from "../../net/address.ts";
import type { TunnelTarget } from "../../transport/guest/link.ts";
import { Supervisor } from "../../transport/supervisor.ts";
import {
  connectTstunnel,
  describeTstunnel,
  type TstunnelSettings,
} from "../../transport/endpoint/tstunnel.ts";
import {
  formatTunnelTarget,
  parseTunnelUrl,
  settingsOf,
} from "../../transport/endpoint/tunnel_url.ts";
import { requireUrlLast } from "./url_last.ts";
import type { System } from "../system.ts";
import { runService, type Service } from "./service.ts";

/** How long a client waits for a lost connection to come back. */
const WAIT_MS = 10_000;
const SHUTDOWN_MS = 1_000;
/** A tunnel to a socket has no port; nobody sees this one. */
const NO_PORT = 1;

/** Where to listen, and where that leads. */
interface TunnelJob {
  /** As it was written. */
  readonly text: string;
  readonly local: { readonly host: string; readonly port: number };
  readonly target: TunnelTarget;
  readonly settings: TstunnelSettings;
}

/** A tunnel that is up. */
interface Tunnel extends Service {
  readonly listening: string;
}

/** Returns the exit code. Throws `AgentError`. */
export async function runTunnel(
  { places }: { readonly places?: readonly string[] },
  sources: Sources,
  system: System,
): Promise<number> {
  const [text = "", url = ""] = places ?? [];
  const { values, origins } = await loadValues(sources);
  const { "log-level": level, "log-format": format } = values;
  configureLogging({
    level,
    format: format ?? (system.isTerminal ? "text" : "json"),
    write: (line) => system.err(`${line}\n`),
  });
  requireUrlLast("tunnel", text);
  const { server, target } = parseTunnelUrl(url);
  const { "ts-token-file": tokenFile } = values;
  // That of a file is for the server that the file names.
  const sendsToken = tokenFile !== undefined && origins["ts-token-file"].source !== "file";
  const settings = {
    ...settingsOf(server, (file) => resolvePath(file, system.cwd, system.place)),
    ...(sendsToken && { tokenFile }),
  };
  const job: TunnelJob = { text, local: parseLocalEnd(text), target, settings };
  return await runService({
    scope: "tunnel",
    start: (signal) => openTunnel(job, signal),
    announce({ listening }) {
      const where = `${formatTunnelTarget(target)} through ${describeTstunnel(settings)}`;
      logger("tunnel").info(`Listening on ${listening} for ${where}`);
      system.out(`${listening}\n`);
    },
    shutdownTimeoutMs: SHUTDOWN_MS,
  }, system);
}

/** `[ADDRESS:]PORT`; without an address it is loopback. Throws `AgentError` of kind `usage`. */
function parseLocalEnd(text: string): { host: string; port: number } {
  const fail = () =>
    new AgentError("usage", `Cannot listen on "${text}": not [ADDRESS:]PORT`, {
      hint: "write a port such as 8080, or 127.0.0.1:8080",
    });
  if (text.includes("://")) throw fail();
  try {
    const address = parseListenAddress(/^\d+$/.test(text) ? `:${text}` : text);
    if (address.kind !== "tcp") throw fail();
    const host = address.host === "localhost" ? DEFAULT_PUBLISH_ADDRESS : address.host;
    if (!isIpLiteral(host)) throw fail();
    return { host, port: address.port };
  } catch {
    throw fail();
  }
}

async function openTunnel(job: TunnelJob, signal: AbortSignal): Promise<Tunnel> {
  const supervisor = new Supervisor({
    connect: (closing) => connectTstunnel(job.settings, { mayBeFirstLevel: true }, closing),
  });
  const giveUp = () => void supervisor.close();
  signal.addEventListener("abort", giveUp, { once: true });
  let forwarding: ForwardingManager | undefined;
  const shutdown = async () => {
    await forwarding?.close();
    await supervisor.close();
  };
  try {
    await supervisor.start();
    forwarding = makeForwarding(job, supervisor);
    const { local } = await take(job, forwarding);
    return {
      failed: supervisor.failed,
      shutdown,
      listening: formatHostPort(local.host, local.port),
    };
  } catch (error) {
    await shutdown();
    throw error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function makeForwarding({ target }: TunnelJob, supervisor: Supervisor): ForwardingManager {
  return new ForwardingManager({
    open: (to, signal) =>
      supervisor.open(target.kind === "unix" ? target : to, {
        lane: "interactive",
        waitMs: WAIT_MS,
        signal,
      }),
    async openDatagrams(to, signal) {
      const { openDatagrams } = await supervisor.ready({ waitMs: WAIT_MS, signal });
      if (openDatagrams !== undefined) return await openDatagrams(to, signal);
      throw new AgentError("engine", "The server carries no datagrams");
    },
  });
}

async function take(
  { text, local, target }: TunnelJob,
  forwarding: ForwardingManager,
): Promise<Published> {
  const remote = target.kind === "unix" ? { host: target.path, port: NO_PORT } : target;
  const protocol = target.kind === "udp" ? "udp" : "tcp";
  try {
    return await forwarding.addPlain({
      text,
      requested: {
        containerPort: remote.port,
        protocol,
        hostIp: local.host,
        hostPort: `${local.port}`,
      },
      remote: { host: remote.host, port: remote.port },
    });
  } catch (cause) {
    if (!(cause instanceof BindError)) throw cause;
    throw new AgentError("listen", `Cannot listen on "${text}": ${cause.plainText}`, {
      cause,
      hint: "choose another local port",
    });
  }
}
