/** What the guest answers: a table of paths, matched as they are sent, so that no path has two spellings. */
import metadata from "../../deno.json" with { type: "json" };
import type { RequestHead } from "../http/head.ts";
import { EXEC_PATH } from "../transport/guest_exec.ts";
import { INFO_PATH } from "../transport/guest_link.ts";
import type { Handler } from "./exchange.ts";
import { refuse, type Reply } from "./reply.ts";
import type { Account } from "./program.ts";
import { TUNNEL_PREFIX } from "./tunnel.ts";

/** Finds what answers a request. */
export type Router = (head: RequestHead) => Handler;

const COPY_PATH = "/tinyscale/v1/host-exec/copy";

/** The handlers of one guest. */
export interface Handlers {
  readonly exec: Handler;
  readonly copy: Handler;
  readonly tunnel: Handler;
  readonly info: Handler;
}

interface Route {
  readonly methods: readonly string[];
  readonly handler: Handler;
}

/** A router over the handlers; a request that fits none is refused by the handler it gets. */
export function makeRouter(handlers: Handlers): Router {
  const exact: Readonly<Record<string, Route>> = {
    [EXEC_PATH]: { methods: ["POST"], handler: handlers.exec },
    [COPY_PATH]: { methods: ["POST"], handler: handlers.copy },
    [INFO_PATH]: { methods: ["GET"], handler: handlers.info },
  };
  const tunnel: Route = { methods: ["GET", "POST"], handler: handlers.tunnel };
  return ({ method, target }) => {
    const path = target.split("?", 1)[0] ?? "";
    const found = Object.hasOwn(exact, path)
      ? exact[path]
      : path.startsWith(TUNNEL_PREFIX)
      ? tunnel
      : undefined;
    if (found === undefined) return () => Promise.reject(refuse(404, "page not found"));
    if (found.methods.includes(method)) return found.handler;
    return () => Promise.resolve(notAllowed(method, found.methods));
  };
}

function notAllowed(method: string, methods: readonly string[]): Reply {
  return {
    status: 405,
    body: { message: `${method} is not allowed here` },
    headers: { Allow: methods.join(", ") },
  };
}

/** Tells what this guest is and can do. */
export function info(account: Account, can: { commands: boolean; terminals: boolean }): Handler {
  const body = {
    version: metadata.version,
    os: Deno.build.os,
    arch: Deno.build.arch,
    user: account.name,
    capabilities: [
      ...(can.commands ? ["exec-framed-v1"] : []),
      ...(can.commands && can.terminals ? ["tty"] : []),
      "copy",
      "tunnel-tcp",
      "tunnel-udp",
      "tunnel-unix",
    ],
  };
  return () => Promise.resolve({ status: 200, body });
}
