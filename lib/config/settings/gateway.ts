/**
 * How `gateway` is told what to do: by a file, or, for a single host, by flags. See `settings.ts`,
 * which does the same for `start`.
 */
import { AgentError, messageOf } from "../../errors.ts";
import { DEFAULT_LIMITS, type GatewayConfig } from "../../gateway/config.ts";
import { parseEndpoint, parseHostName, parseTcpListen } from "../../gateway/endpoint.ts";
import type { LoadConfig } from "../../gateway/gateway.ts";
import {
  DEFAULT_LISTEN,
  type GatewayDefaults,
  readGatewayFile,
  simpleRule,
} from "../file/gateway_file.ts";
import { type ReadFile, readText } from "../file/text_file.ts";
import type { Loaded } from "../load.ts";
import { pathsOf, type Place } from "../paths.ts";
import type { OptionName } from "../schema.ts";
import { identityOf } from "./identity.ts";

const DEFAULT_ENGINE = "unix:///var/run/docker.sock";
/** Flags that a file takes the place of. */
const FLAGS_OF_ONE_HOST: readonly OptionName[] = [
  "gateway-host",
  "gateway-engine",
  "gateway-guest",
  "gateway-guest-token",
  "allow-client",
  "gateway-access",
];

/** What is called at the start and on every reload. Throws `AgentError` of kind `usage`. */
export function gatewayLoader(loaded: Loaded, place: Place, readFile: ReadFile): LoadConfig {
  const { values, origins } = loaded;
  const path = values["gateway-config"];
  const defaults = defaultsOf(loaded);
  if (path === undefined) {
    const config = oneHost(loaded, defaults);
    return () => Promise.resolve(config);
  }
  const stray = FLAGS_OF_ONE_HOST.find((name) => origins[name].source !== "default");
  if (stray !== undefined) {
    throw new AgentError("usage", `Cannot use ${origins[stray].where} with --gateway-config`, {
      hint: "write hosts and clients into the file",
    });
  }
  const base = pathsOf(place.platform).dirname(path);
  return async () => {
    const text = await readText(path, readFile, unreadable(path));
    return readGatewayFile({ text, path, base }, defaults, place);
  };
}

function defaultsOf(loaded: Loaded): GatewayDefaults {
  const { values, origins } = loaded;
  const identity = identityOf(loaded, { cert: "tls-cert", key: "tls-key" });
  const [listen, another] = origins.listen.source === "default" ? [] : values.listen;
  if (another !== undefined) {
    throw new AgentError("usage", `A gateway listens on one address, and ${another} is another`);
  }
  return {
    ...(listen === undefined ? {} : { listen }),
    identity,
    caFile: values["client-ca"],
  };
}

function oneHost(
  { values }: Loaded,
  { listen = DEFAULT_LISTEN, identity, caFile }: GatewayDefaults,
): GatewayConfig {
  const name = values["gateway-host"];
  const hint = "give --gateway-config FILE, or --gateway-host, --allow-client, --tls-cert, " +
    "--tls-key and --client-ca";
  if (name === undefined || values["allow-client"].length === 0) {
    const flag = name === undefined ? "gateway-config" : "allow-client";
    throw new AgentError("usage", `Missing --${flag}, what the gateway is for`, { hint });
  }
  if (identity === undefined || caFile === undefined) {
    throw new AgentError("usage", "Missing the certificates of the gateway", { hint });
  }
  const { "gateway-guest": guest, "gateway-guest-token": guestTokenFile } = values;
  if (guest === undefined && guestTokenFile !== undefined) {
    throw new AgentError("usage", "Cannot use --gateway-guest-token without --gateway-guest", {
      hint: "say where the guest is, or leave it out",
    });
  }
  const host = usage("gateway-host", () => parseHostName(name));
  const engine = values["gateway-engine"] ?? DEFAULT_ENGINE;
  return {
    listen: usage("listen", () => parseTcpListen(listen)),
    identity,
    authorityFiles: [caFile],
    hosts: new Map([[host, {
      engine: usage("gateway-engine", () => parseEndpoint(engine, "engine", {})),
      ...(guest === undefined
        ? {}
        : { guest: usage("gateway-guest", () => parseEndpoint(guest, "guest", {})) }),
      ...(guestTokenFile === undefined ? {} : { guestTokenFile }),
    }]]),
    rules: [simpleRule(values["allow-client"], host, values["gateway-access"])],
    limits: DEFAULT_LIMITS,
  };
}

function usage<T>(flag: OptionName, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    const message = `Invalid value for --${flag}: ${messageOf(cause)}`;
    throw new AgentError("usage", message, { cause });
  }
}

/** As the loader reads it: it is asked for again on every reload. */
function unreadable(path: string) {
  return (why: string, cause?: unknown) =>
    new AgentError("config", `Cannot read the gateway's configuration "${path}": ${why}`, {
      cause,
      hint: "check --gateway-config and who may read the file",
    });
}
