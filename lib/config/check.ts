/** Which options go together. Every refusal names the option to change and says what it needs. */
import { AgentError } from "../errors.ts";
import { checkIdleFlags } from "./idle_flags.ts";
import type { Origin } from "./option.ts";
import type { OptionName, Values } from "./schema.ts";
import { checkEndpoint, transportOf } from "./settings/endpoint.ts";
import { quote } from "./values.ts";

type Origins = Readonly<Record<OptionName, Origin>>;

const TLS_OPTIONS = ["tls-cert", "tls-key", "tls-ca"] as const;

/**
 * Throws `AgentError` of kind `usage` for the first combination that makes no sense. `flagsAreShared`:
 * there are several hosts, for which the flags are.
 */
export function checkValues(values: Values, origins: Origins, flagsAreShared = false): void {
  if (values.mode === "raw" && values.dump) {
    throw clash(origins, "dump", "mode", "raw mode does not look into what it relays");
  }
  const quiet = values["log-level"] !== "trace" && values["log-level"] !== "debug";
  if (values.dump && quiet && origins["log-level"].source !== "default") {
    throw clash(origins, "dump", "log-level", "a dump is written at level debug");
  }
  if (values.mode === "raw" && values.reverse.length > 0) {
    throw clash(origins, "reverse", "mode", "raw mode does not look into what it relays");
  }
  checkEndpoint(values, origins, flagsAreShared);
  checkIdleFlags(values, origins);
  if (transportOf(values, origins) === "ssh") checkSsh(values);
  checkTls(values, origins);
  checkSyncRoot(values["sync-root"], origins);
}

/** On the remote host there is no directory that a relative path could start from. */
function checkSyncRoot(root: string, origins: Origins): void {
  if (root.startsWith("/") || root === "~" || root.startsWith("~/")) return;
  throw new AgentError("usage", `Invalid value ${quote(root)} for ${origins["sync-root"].where}`, {
    hint: "write an absolute path of the remote host, /DIR or ~/DIR",
  });
}

function checkSsh(values: Values): void {
  if (values["ssh-host"] === undefined) {
    throw new AgentError("usage", "Missing --ssh-host, the remote host", {
      hint: "for example: remote-docker-agent --ssh-host dev@gpu.example.com",
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
