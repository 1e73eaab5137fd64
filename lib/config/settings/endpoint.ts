/**
 * How the remote host is reached where that is not SSH: a gateway (`--mtls-…`) or a guest (`--ts-…`),
 * made from the values of the option table; see `settings.ts`. Also which of the three it is.
 */
import { AgentError } from "../../errors.ts";
import type { MtlsSettings } from "../../transport/endpoint/mtls.ts";
import { TS_WORDS } from "../../transport/endpoint/tls_error.ts";
import type { TstunnelSettings } from "../../transport/endpoint/tstunnel.ts";
import { parseServer } from "../../transport/url.ts";
import { type Origin, rankOf } from "../option.ts";
import type { OptionName, Values } from "../schema.ts";
import { identityOf } from "./identity.ts";

type Origins = Readonly<Record<OptionName, Origin>>;
type Transport = Values["transport"];

/** The ports of a server that names none: with certificates, and without. */
const TLS_PORT = 443;
const PLAIN_PORT = 80;

/** The options that are there for one transport alone, the one that says where first. */
export const OPTIONS_OF = {
  ssh: [
    "ssh-host",
    "ssh-user",
    "ssh-key",
    "ssh-config",
    "ssh-known-hosts",
    "ssh-strict-host-key-checking",
  ],
  mtls: ["mtls-endpoint", "mtls-cert", "mtls-key", "mtls-ca", "mtls-sni"],
  tstunnel: ["ts-server", "ts-cert", "ts-key", "ts-ca", "ts-sni", "ts-token-file", "ts-insecure"],
} as const satisfies Record<Transport, readonly OptionName[]>;

const TRANSPORTS = ["ssh", "mtls", "tstunnel"] as const;

/** The transport: the one asked for, or the guest's where one is named. */
export function transportOf(values: Values, origins: Origins): Values["transport"] {
  const { transport, "ts-server": server } = values;
  const asked = origins.transport;
  const stronger = server !== undefined && rankOf(origins["ts-server"]) > rankOf(asked);
  return stronger ? "tstunnel" : transport;
}

/**
 * Throws `AgentError` of kind `usage` for options that do not go with the transport. Flags that several
 * hosts share may be for another one of them; see {@link checkSharedFlags}.
 */
export function checkEndpoint(values: Values, origins: Origins, flagsAreShared: boolean): void {
  const transport = transportOf(values, origins);
  for (const other of TRANSPORTS) {
    if (other !== transport) refuseStray(values, origins, { other, transport, flagsAreShared });
  }
  if (transport === "mtls") checkMtls(values);
  if (transport === "tstunnel") checkTstunnel(values, origins);
}

/**
 * Flags of another transport than the one that is used: somebody wants to get there. An explicit choice
 * of transport outdoes the rest of a file that serves several, and a file may have a word for SSH
 * whatever is used; the entry of a host may not, because it is for that one host.
 */
function refuseStray(
  values: Values,
  origins: Origins,
  { other, transport, flagsAreShared }: {
    readonly other: Transport;
    readonly transport: Transport;
    readonly flagsAreShared: boolean;
  },
): void {
  const given = OPTIONS_OF[other].filter((name) =>
    origins[name].source !== "default" && values[name] !== false
  );
  const stray = given.find((name) => origins[name].source === "flag") ?? given[0];
  if (stray === undefined) return;
  const { source, where } = origins[stray];
  if (source === "flag" ? flagsAreShared : other === "ssh" && source !== "host") return;
  const [place] = OPTIONS_OF[transport];
  const isNamed = origins[place].source !== "default";
  // A guest that is named says no less than the word would.
  const chosen = origins[isNamed && transport === "tstunnel" ? place : "transport"];
  if (rankOf(origins[stray]) < Math.max(rankOf(chosen), rankOf(origins.transport))) return;
  const chooser = isNamed && chosen.source === "default" ? origins[place] : chosen;
  const by = chooser.source === "default" ? "" : `, chosen by ${chooser.where}`;
  const isStronger = rankOf(origins[stray]) > rankOf(chooser);
  throw new AgentError("usage", `Cannot use ${where} with the ${transport} transport${by}`, {
    hint: isStronger ? `add --transport ${other}` : "leave out one of the two",
  });
}

/** Throws `AgentError` of kind `usage` for a flag of a transport that no host of a list uses. */
export function checkSharedFlags(
  flags: readonly { readonly name: OptionName; readonly origin: Origin }[],
  hosts: readonly { readonly transport: Transport }[],
): void {
  const used = new Set(hosts.map(({ transport }) => transport));
  const idle = TRANSPORTS.filter((transport) => !used.has(transport))
    .flatMap((transport): readonly OptionName[] => OPTIONS_OF[transport]);
  const stray = flags.find(({ name, origin }) => origin.source === "flag" && idle.includes(name));
  if (stray === undefined || hosts.length === 0) return;
  const message = `Cannot use ${stray.origin.where}: no host of the file uses its transport`;
  throw new AgentError("usage", message, { hint: "leave it out" });
}

function checkMtls(values: Values): void {
  for (const name of ["mtls-endpoint", "mtls-cert", "mtls-key"] as const) {
    if (values[name] !== undefined) continue;
    throw new AgentError("usage", `Missing --${name}, which the mtls transport needs`, {
      hint: "give --mtls-endpoint, --mtls-cert and --mtls-key",
    });
  }
}

const TS_IDENTITY = { cert: "ts-cert", key: "ts-key" } as const;

function checkTstunnel(values: Values, origins: Origins): void {
  if (values["ts-server"] === undefined) {
    throw new AgentError("usage", "Missing --ts-server, which the tstunnel transport needs", {
      hint: "for example: --ts-server containers.example.com:443",
    });
  }
  identityOf({ values, origins }, TS_IDENTITY);
}

/** The settings that are there for the transport alone. */
export function endpointSettings(
  values: Values,
  origins: Origins,
): { transport: Values["transport"]; mtls?: MtlsSettings; tstunnel?: TstunnelSettings } {
  const transport = transportOf(values, origins);
  switch (transport) {
    case "mtls":
      return { transport, mtls: mtlsSettings(values) };
    case "tstunnel":
      return { transport, tstunnel: tstunnelSettings(values, origins) };
    case "ssh":
      return { transport };
  }
}

function mtlsSettings(values: Values): MtlsSettings {
  const { host, port = TLS_PORT } = parseServer(values["mtls-endpoint"] ?? "");
  const ca = values["mtls-ca"];
  return {
    host,
    port,
    serverName: values["mtls-sni"] ?? host,
    certFile: values["mtls-cert"] ?? "",
    keyFile: values["mtls-key"] ?? "",
    ...(ca === undefined ? {} : { caFile: ca }),
  };
}

function tstunnelSettings(values: Values, origins: Origins): TstunnelSettings {
  const caFile = values["ts-ca"];
  const files = {
    ...identityOf({ values, origins }, TS_IDENTITY),
    ...(caFile === undefined ? {} : { caFile }),
  };
  const usesTls = Object.keys(files).length > 0;
  const { host, port = usesTls ? TLS_PORT : PLAIN_PORT } = parseServer(values["ts-server"] ?? "");
  const token = values["ts-token-file"];
  return {
    host,
    port,
    serverName: values["ts-sni"] ?? host,
    words: TS_WORDS,
    insecure: values["ts-insecure"],
    ...(usesTls ? { tls: files } : {}),
    ...(token === undefined ? {} : { tokenFile: token }),
  };
}
