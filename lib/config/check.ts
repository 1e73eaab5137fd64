/** Which options go together. Every refusal names the option to change and says what it needs. */
import { AgentError } from "../errors.ts";
import { parseSshHost } from "../transport/url.ts";
import { type Origin, rankOf } from "./option.ts";
import type { OptionName, Values } from "./schema.ts";

type Origins = Readonly<Record<OptionName, Origin>>;

const MTLS_OPTIONS = ["mtls-endpoint", "mtls-cert", "mtls-key", "mtls-ca", "mtls-sni"] as const;
const TLS_OPTIONS = ["tls-cert", "tls-key", "tls-ca"] as const;

/** Throws `AgentError` of kind `usage` for the first combination that makes no sense. */
export function checkValues(values: Values, origins: Origins): void {
  if (values.mode === "raw" && values.dump) {
    throw clash(origins, "dump", "mode", "raw mode does not look into what it relays");
  }
  const quiet = values["log-level"] !== "trace" && values["log-level"] !== "debug";
  if (values.dump && quiet && origins["log-level"].source !== "default") {
    throw clash(origins, "dump", "log-level", "a dump is written at level debug");
  }
  if (values.transport === "mtls" && values.forward.length > 0) {
    throw clash(origins, "forward", "transport", "the gateway only leads to Docker");
  }
  if (values.transport === "mtls" && values.reverse.length > 0) {
    throw clash(origins, "reverse", "transport", "the gateway only leads to Docker");
  }
  for (const name of ["socks", "http-proxy"] as const) {
    if (values.transport !== "mtls" || values[name].length === 0) continue;
    throw clash(origins, name, "transport", "the gateway only leads to Docker");
  }
  if (values.mode === "raw" && values.reverse.length > 0) {
    throw clash(origins, "reverse", "mode", "raw mode does not look into what it relays");
  }
  if (values.transport === "mtls") checkMtls(values, origins);
  else checkSsh(values, origins);
  checkTls(values, origins);
}

function checkSsh(values: Values, origins: Origins): void {
  const stray = MTLS_OPTIONS.find((name) => values[name] !== undefined);
  // An explicit choice of transport outdoes the rest of a file that serves both.
  if (stray !== undefined && rankOf(origins[stray]) >= rankOf(origins.transport)) {
    throw new AgentError("usage", `Cannot use ${origins[stray].where} with the ssh transport`, {
      hint: "add --transport mtls",
    });
  }
  if (values["ssh-host"] === undefined) {
    throw new AgentError("usage", "Missing --ssh-host, the remote host", {
      hint: "for example: remote-docker-agent --ssh-host dev@gpu.example.com",
    });
  }
}

function checkMtls(values: Values, origins: Origins): void {
  for (const name of ["mtls-endpoint", "mtls-cert", "mtls-key"] as const) {
    if (values[name] !== undefined) continue;
    throw new AgentError("usage", `Missing --${name}, which the mtls transport needs`, {
      hint: "give --mtls-endpoint, --mtls-cert and --mtls-key",
    });
  }
  if (parseSshHost(values["mtls-endpoint"] ?? "").user !== undefined) {
    const { where } = origins["mtls-endpoint"];
    throw new AgentError("usage", `Invalid value for ${where}: a gateway has no user`, {
      hint: "write HOST:PORT",
    });
  }
}

function checkTls(values: Values, origins: Origins): void {
  const given = TLS_OPTIONS.find((name) => values[name] !== undefined);
  const missing = TLS_OPTIONS.find((name) => values[name] === undefined);
  const hint = "give --tls-cert, --tls-key and --tls-ca";
  if (given !== undefined && missing !== undefined) {
    throw new AgentError("usage", `Missing --${missing}, which ${origins[given].where} needs`, {
      hint,
    });
  }
  if (values["allow-remote-clients"] && missing !== undefined) {
    const { where } = origins["allow-remote-clients"];
    throw new AgentError("usage", `Missing --${missing}, which ${where} needs`, { hint });
  }
}

function clash(origins: Origins, one: OptionName, other: OptionName, why: string): AgentError {
  const message = `Cannot use ${origins[one].where} with ${origins[other].where}: ${why}`;
  return new AgentError("usage", message, { hint: `leave out one of the two` });
}
