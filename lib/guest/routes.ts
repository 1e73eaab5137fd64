/** What the guest answers: a table of paths, matched as they are sent, so that no path has two spellings. */
import metadata from "../../deno.json" with { type: "json" };
import type { RequestHead } from "../http/head.ts";
import { EXEC_PATH } from "../transport/guest_exec.ts";
import { INFO_PATH } from "../transport/guest_link.ts";
import { ACCEPT_PATH, LISTEN_PREFIX } from "../transport/guest_listen.ts";
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
  readonly listen: Handler;
  readonly accept: Handler;
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
    [ACCEPT_PATH]: { methods: ["POST"], handler: handlers.accept },
  };
  const prefixed: readonly (Route & { prefix: string })[] = [
    { prefix: TUNNEL_PREFIX, methods: ["GET", "POST"], handler: handlers.tunnel },
    { prefix: LISTEN_PREFIX, methods: ["POST"], handler: handlers.listen },
  ];
  return ({ method, target }) => {
    const path = target.split("?", 1)[0] ?? "";
    const found = Object.hasOwn(exact, path)
      ? exact[path]
      : prefixed.find(({ prefix }) => path.startsWith(prefix));
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
export function info(
  account: Account,
  can: { commands: boolean; terminals: boolean; listen: boolean },
): Handler {
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
      ...(can.listen ? ["listen-tcp"] : []),
    ],
  };
  return () => Promise.resolve({ status: 200, body });
}
