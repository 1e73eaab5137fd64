/** Local ports that lead to two servers on the remote host: what `ssh -L` and the agent both do. */
import { freePort } from "../../../tests/support/free_ports.ts";

/** Where the stage's servers listen on the loopback of the remote host. */
export const REMOTE_PORTS = { web: 19180, echo: 19181 } as const;

/** The local port of each server. */
export type Forwards = Record<keyof typeof REMOTE_PORTS, number>;

/** Free local ports, and `PORT:HOST:PORT` for the command line. */
export function chooseForwards(): { ports: Forwards; values: readonly string[] } {
  const ports = { web: freePort(), echo: freePort() };
  const value = (name: keyof Forwards) => `${ports[name]}:127.0.0.1:${REMOTE_PORTS[name]}`;
  return { ports, values: [value("web"), value("echo")] };
}
