/** Options: published ports, forwards and the reverse direction. */
import type { OptionSpec } from "../option.ts";
import { start } from "./common.ts";

/** Rows of the option table, in the order of the help. */
export const PORTS_OPTIONS = {
  "publish-address": {
    type: "ip",
    default: "127.0.0.1",
    placeholder: "ADDRESS",
    group: "Ports",
    help: "Where published ports listen on this machine unless -p names a local address",
    commands: start,
  },
  "publish-mode": {
    type: "choice",
    choices: ["virtual", "same", "off"],
    default: "virtual",
    group: "Ports",
    help: "Bind published ports only here, also on the remote host, or leave them alone",
    commands: start,
  },
  "forward-foreign": {
    type: "boolean",
    default: "false",
    group: "Ports",
    help: "Also forward the ports of containers that others have started",
    commands: start,
  },
  ports: {
    type: "port-rule",
    many: true,
    placeholder: "RULE",
    group: "Ports",
    help:
      'Where a published port goes, such as "image=db* port=5432 local=15432"; the first counts',
    commands: start,
  },
  forward: {
    type: "forward",
    many: true,
    placeholder: "PORT:HOST:PORT",
    group: "Ports",
    help: "Forward a local port to an address that the remote host can reach, such as 5432:db:5432",
    commands: start,
  },
  reverse: {
    type: "reverse",
    many: true,
    placeholder: "NAME:PORT",
    group: "Ports",
    help: "Let containers reach a port of this machine, as host.docker.internal:3000 for example",
    commands: start,
  },
} as const satisfies Record<string, OptionSpec>;
