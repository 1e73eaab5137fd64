/** The network bridge, made from the values of the option table; see `settings.ts`. */
import type { BridgeKind, BridgeSettings } from "../../bridge/bridge.ts";
import { parseBridgeRule } from "../../bridge/rules.ts";
import type { Destination } from "../../bridge/socks_wire.ts";
import { AgentError } from "../../errors.ts";
import { formatHostPort, isLoopback, parseListenAddress } from "../../net/address.ts";
import type { Origin } from "../option.ts";
import { BRIDGE_OPTIONS } from "../options/bridge.ts";
import type { Values } from "../schema.ts";

type BridgeValues = Pick<
  Values,
  "socks" | "http-proxy" | "bridge" | "bridge-users" | "bridge-allow-remote"
>;

/** Where each of the two was found, for messages. */
type BridgeOrigins = Readonly<Record<BridgeKind, Pick<Origin, "where">>>;

/** Nothing where no proxy is wanted. Throws `AgentError` of kind `usage` or `config`. */
export function bridgeSettings(
  values: BridgeValues,
  origins: BridgeOrigins,
): BridgeSettings | undefined {
  const { socks, "http-proxy": httpProxy, "bridge-users": usersFile } = values;
  if (socks.length + httpProxy.length === 0) return undefined;
  const isOpen = values["bridge-allow-remote"] && usersFile !== undefined;
  const read = (texts: readonly string[], option: BridgeKind) =>
    texts.map((text) => allowed(tcpAddress(text, option, origins), origins[option].where, isOpen));
  return {
    socks: read(socks, "socks"),
    httpProxy: read(httpProxy, "http-proxy"),
    rules: values.bridge.map(parseBridgeRule),
    ...(usersFile === undefined ? {} : { usersFile }),
  };
}

function tcpAddress(text: string, option: BridgeKind, origins: BridgeOrigins): Destination {
  const address = parseListenAddress(text);
  if (address.kind === "tcp") {
    // As for all other listeners, whatever the machine's resolver prefers.
    const host = /^localhost\.?$/i.test(address.host) ? "127.0.0.1" : address.host;
    return { host, port: address.port };
  }
  throw new AgentError(
    "usage",
    `Cannot use "${text}" for ${origins[option].where}: not a TCP address`,
    {
      hint: `write HOST:PORT, such as 127.0.0.1:${BRIDGE_OPTIONS[option].purpose.port}`,
    },
  );
}

/** Addresses that other machines reach are for users who have to say who they are. */
function allowed(address: Destination, where: string, isOpen: boolean): Destination {
  const { host, port } = address;
  if (isOpen || isLoopback(host)) return address;
  const message = `Refusing to listen on "${formatHostPort(host, port)}" for ${where}: ` +
    "other machines could use the network of the remote host";
  throw new AgentError("config", message, {
    hint: "listen on 127.0.0.1, or give --bridge-allow-remote with --bridge-users",
  });
}
