/** Options: the network bridge, which leads into the network behind the remote host. */
import type { OptionSpec } from "../option.ts";
import { path, start } from "./common.ts";

/** Rows of the option table, in the order of the help. */
export const BRIDGE_OPTIONS = {
  socks: {
    type: "listen",
    purpose: { port: 1080 },
    many: true,
    placeholder: "HOST:PORT",
    group: "Bridge",
    help: "Serve SOCKS 5 here, such as 127.0.0.1:1080, into the network of the remote host",
    commands: start,
  },
  "http-proxy": {
    type: "listen",
    purpose: { port: 3128 },
    many: true,
    placeholder: "HOST:PORT",
    group: "Bridge",
    help: "The same as an HTTP proxy, such as 127.0.0.1:3128, with /proxy.pac for browsers",
    commands: start,
  },
  bridge: {
    type: "bridge-rule",
    many: true,
    aliases: ["bridge-rule"],
    placeholder: "PATTERN=ROUTE",
    defaultNote: "everything goes through",
    group: "Bridge",
    help: "What goes through, direct or refuse, such as 10.0.0.0/8=through; the first counts",
    commands: start,
  },
  "bridge-users": {
    ...path,
    group: "Bridge",
    help: "File of USER:PASSWORD lines; who uses the bridge has to be one of them",
    commands: start,
  },
  "bridge-allow-remote": {
    type: "boolean",
    default: "false",
    group: "Bridge",
    help: "Let the bridge listen on addresses that other machines reach; needs --bridge-users",
    commands: start,
  },
} as const satisfies Record<string, OptionSpec>;
