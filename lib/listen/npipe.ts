/**
 * Windows named pipes. A pipe has no half-close: Docker's clients end their input with an empty
 * message, which the pipe server here does not report. So the end of a client's standard input
 * (`echo hi | docker run -i`) is not seen over a pipe; use a TCP address for that.
 *
 * The pipe has the system's default security: full access for its creator, administrators and the
 * system, and no writing for anyone else.
 */
import { createServer } from "node:net";
import process from "node:process";
import { AgentError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { PipeAddress } from "../net/address.ts";
import type { Listener } from "./listener.ts";
import { nodeListener } from "./node_listener.ts";

/**
 * Deno makes room for 4 clients at once unless this variable tells it otherwise, and one client too
 * many ends the pipe for good. 254 is the most there can be; we turn clients away before that.
 */
const INSTANCES_VARIABLE = "NODE_PENDING_PIPE_INSTANCES";
const MAX_INSTANCES = 254;
const MAX_CLIENTS = 240;

/** Listens on a named pipe. Throws `AgentError` of kind `listen`. */
export async function listenPipe(address: PipeAddress, log: Logger): Promise<Listener> {
  if (Deno.build.os !== "windows") {
    throw new AgentError("listen", `Cannot listen on "${address.path}": not on Windows`, {
      hint: 'use a Unix socket, such as "unix:///tmp/docker.sock"',
    });
  }
  const server = createServer({ allowHalfOpen: true });
  server.maxConnections = MAX_CLIENTS;
  server.on("drop", () => log.warn("Refused a client: too many connections", { max: MAX_CLIENTS }));
  const before = process.env[INSTANCES_VARIABLE];
  process.env[INSTANCES_VARIABLE] = String(MAX_INSTANCES);
  try {
    return await nodeListener(server, {
      address,
      where: { path: address.path },
      event: "connection",
      log,
      describe: () => ({ remote: address.path }),
      mutualTls: false,
    });
  } finally {
    if (before === undefined) delete process.env[INSTANCES_VARIABLE];
    else process.env[INSTANCES_VARIABLE] = before;
  }
}
