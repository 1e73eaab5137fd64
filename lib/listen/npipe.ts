/**
 * Windows named pipes. A pipe has no half-close: Docker's clients end their input with an empty
 * message, which the pipe server here does not report. So the end of a client's standard input
 * (`echo hi | docker run -i`) is not seen over a pipe; use a TCP address for that.
 *
 * The pipe has the system's default security: full access for its creator, administrators and the
 * system, and no writing for anyone else.
 */
import { createServer } from "node:net";
import { AgentError } from "../errors.ts";
import type { Logger } from "../log.ts";
import type { PipeAddress } from "../net/address.ts";
import type { Listener } from "./listener.ts";
import { nodeListener } from "./node_listener.ts";

/** Listens on a named pipe. Throws `AgentError` of kind `listen`. */
export function listenPipe(address: PipeAddress, log: Logger): Promise<Listener> {
  if (Deno.build.os !== "windows") {
    throw new AgentError("listen", `Cannot listen on "${address.path}": not on Windows`, {
      hint: 'use a Unix socket, such as "unix:///tmp/docker.sock"',
    });
  }
  return nodeListener(createServer({ allowHalfOpen: true }), {
    address,
    where: { path: address.path },
    event: "connection",
    log,
    describe: () => ({ remote: address.path }),
    mutualTls: false,
  });
}
