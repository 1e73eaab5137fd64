/** What the guest answers: a table of paths, matched as they are sent, so that no path has two spellings. */
import metadata from "../../deno.json" with { type: "json" };
import type { RequestHead } from "../http/head.ts";
import { EXEC_PATH } from "../transport/guest/exec.ts";
import { INFO_PATH } from "../transport/guest/link.ts";
import { ACCEPT_PATH, LISTEN_PREFIX } from "../transport/guest/listen.ts";
import type { RouteLabel } from "../proxy/observer.ts";
import type { Handler } from "./exchange.ts";
import { refuse, type Reply } from "./reply.ts";
import type { Account } from "./exec/program.ts";
import { TUNNEL_PREFIX } from "./tunnel.ts";

/** What answers a request, and what it is counted as. */
export interface Answerer {
  readonly label: RouteLabel;
  readonly handler: Handler;
}

/** Finds what answers a request. */
export type Router = (head: RequestHead) => Answerer;

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

interface Route extends Answerer {
  readonly methods: readonly string[];
}

/** A router over the handlers; a request that fits none is refused by the handler it gets. */
export function makeRouter(handlers: Handlers): Router {
  const exact: Readonly<Record<string, Route>> = {
    [EXEC_PATH]: { label: "GuestCommand", methods: ["POST"], handler: handlers.exec },
    [COPY_PATH]: { label: "GuestCopy", methods: ["POST"], handler: handlers.copy },
    [INFO_PATH]: { label: "GuestInfo", methods: ["GET"], handler: handlers.info },
    [ACCEPT_PATH]: { label: "GuestAccept", methods: ["POST"], handler: handlers.accept },
  };
  const prefixed: readonly (Route & { prefix: string })[] = [
    {
      label: "GuestTunnel",
      prefix: TUNNEL_PREFIX,
      methods: ["GET", "POST"],
      handler: handlers.tunnel,
    },
    { label: "GuestListen", prefix: LISTEN_PREFIX, methods: ["POST"], handler: handlers.listen },
  ];
  return ({ method, target }) => {
    const path = target.split("?", 1)[0] ?? "";
    const found = Object.hasOwn(exact, path)
      ? exact[path]
      : prefixed.find(({ prefix }) => path.startsWith(prefix));
    if (found === undefined) return { label: "Other", handler: () => Promise.reject(missing()) };
    const { label, methods } = found;
    if (methods.includes(method)) return found;
    return { label, handler: () => Promise.resolve(notAllowed(method, methods)) };
  };
}

function missing() {
  return refuse(404, "page not found");
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
