/** Options: an mTLS gateway, or a guest, in the place of SSH. */
import type { OptionSpec } from "../option.ts";
import { linked, path } from "./common.ts";

/** Rows of the option table, in the order of the help. */
export const MTLS_OPTIONS = {
  "mtls-endpoint": {
    type: "server",
    placeholder: "HOST[:PORT]",
    group: "mTLS",
    help: "The gateway to connect to, port 443 unless given",
    commands: linked,
  },
  "mtls-cert": { ...path, group: "mTLS", help: "Client certificate", commands: linked },
  "mtls-key": { ...path, group: "mTLS", help: "Private key of that certificate", commands: linked },
  "mtls-ca": {
    ...path,
    defaultNote: "the system's authorities",
    group: "mTLS",
    help: "Authority that must have signed the gateway's certificate",
    commands: linked,
  },
  "mtls-sni": {
    type: "string",
    placeholder: "NAME",
    defaultNote: "the host of the endpoint",
    group: "mTLS",
    help: "Server name to ask the gateway for",
    commands: linked,
  },
  "ts-server": {
    type: "server",
    placeholder: "HOST[:PORT]",
    group: "TS tunnel",
    help: "The guest to connect to, or a gateway before it; port 443 with certificates, else 80",
    commands: linked,
  },
  "ts-cert": {
    ...path,
    group: "TS tunnel",
    help: "Client certificate; without it and --ts-ca the connection is plain HTTP",
    commands: linked,
  },
  "ts-key": {
    ...path,
    group: "TS tunnel",
    help: "Private key of that certificate",
    commands: linked,
  },
  "ts-ca": {
    ...path,
    defaultNote: "the system's authorities",
    group: "TS tunnel",
    help: "Authority that must have signed the server's certificate",
    commands: linked,
  },
  "ts-sni": {
    type: "string",
    placeholder: "NAME",
    defaultNote: "the host of --ts-server",
    group: "TS tunnel",
    help: "The remote host's name, where --ts-server is a gateway for several",
    commands: linked,
  },
  "ts-insecure": {
    type: "boolean",
    default: "false",
    group: "TS tunnel",
    help: "Do not verify the server, for development only; every start says so",
    commands: linked,
  },
  "ts-token-file": {
    ...path,
    group: "TS tunnel",
    help: "File with the token that the guest asks for",
    commands: [...linked, "tunnel"],
  },
} as const satisfies Record<string, OptionSpec>;
