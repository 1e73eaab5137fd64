/** Options of `certs`. */
import type { OptionSpec } from "../option.ts";
import { path } from "./common.ts";

const certs = ["certs"] as const;

/** Rows of the option table, in the order of the help. */
export const CERTS_OPTIONS = {
  dir: {
    ...path,
    default: "certs",
    placeholder: "DIR",
    group: "Certificates",
    help: "Where the authority and its certificates are kept",
    commands: certs,
  },
  days: {
    type: "integer",
    min: 1,
    max: 36_500,
    placeholder: "N",
    defaultNote: "3650 for an authority, 397 for a server, 90 for a client",
    group: "Certificates",
    help: "How long the certificate is valid",
    commands: certs,
  },
  org: {
    type: "string",
    placeholder: "NAME",
    group: "Certificates",
    help: "Organisation of the client, for spiffe://DOMAIN/orgs/ORG/users/USER",
    commands: certs,
  },
  user: {
    type: "string",
    placeholder: "NAME",
    defaultNote: "the client's name",
    group: "Certificates",
    help: "User in that URI",
    commands: certs,
  },
  "trust-domain": {
    type: "string",
    placeholder: "DOMAIN",
    group: "Certificates",
    help: "Domain in that URI",
    commands: certs,
  },
  force: {
    type: "boolean",
    default: "false",
    inFile: false,
    group: "Certificates",
    help: "Replace files that are there",
    commands: certs,
  },
} as const satisfies Record<string, OptionSpec>;
