/** Options of `gateway`. */
import type { OptionSpec } from "../option.ts";
import { path } from "./common.ts";

const gateway = ["gateway"] as const;

/** Rows of the option table, in the order of the help. */
export const GATEWAY_OPTIONS = {
  "gateway-config": {
    ...path,
    group: "Gateway",
    help: "Hosts, clients, rights and limits, read again on SIGHUP; see docs/mtls.md",
    commands: gateway,
  },
  "gateway-host": {
    type: "string",
    placeholder: "NAME",
    group: "Gateway",
    help: "Server name of a single host, in place of a file",
    commands: gateway,
  },
  "gateway-engine": {
    type: "string",
    placeholder: "URL",
    defaultNote: "unix:///var/run/docker.sock",
    group: "Gateway",
    help: "The engine of that host: unix:///PATH, tcp://HOST:PORT or ssh://USER@HOST",
    commands: gateway,
  },
  "gateway-guest": {
    type: "string",
    placeholder: "URL",
    group: "Gateway",
    help: "The guest of that host, such as http://127.0.0.1:8080",
    commands: gateway,
  },
  "gateway-guest-token": {
    ...path,
    group: "Gateway",
    help: "File with the token of that guest",
    commands: gateway,
  },
  "allow-client": {
    type: "string",
    many: true,
    placeholder: "NAME",
    group: "Gateway",
    help:
      "A certificate that may use that host: its name, or its spiffe:// URI; * is a part of one",
    commands: gateway,
  },
  "gateway-access": {
    type: "choice",
    choices: ["full", "read-only"],
    default: "full",
    group: "Gateway",
    help: "What those clients may do: everything, or look at what there is",
    commands: gateway,
  },
} as const satisfies Record<string, OptionSpec>;
