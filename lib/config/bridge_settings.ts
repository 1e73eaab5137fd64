/** The network bridge, made from the values of the option table; see `settings.ts`. */
import type { BridgeSettings } from "../bridge/bridge.ts";
import { parseBridgeRule } from "../bridge/rules.ts";
import type { Destination } from "../bridge/socks_wire.ts";
import { AgentError } from "../errors.ts";
import { parseListenAddress } from "../net/address.ts";
import type { Values } from "./schema.ts";

type BridgeValues = Pick<
  Values,
  "socks" | "http-proxy" | "bridge" | "bridge-users" | "bridge-allow-remote"
>;

/** Nothing where no proxy is wanted. Throws `AgentError` of kind `usage`. */
export function bridgeSettings(values: BridgeValues): BridgeSettings | undefined {
  const { socks, "http-proxy": httpProxy, "bridge-users": usersFile } = values;
  if (socks.length + httpProxy.length === 0) return undefined;
  return {
    socks: socks.map((text) => tcpAddress(text, "socks")),
    httpProxy: httpProxy.map((text) => tcpAddress(text, "http-proxy")),
    rules: values.bridge.map(parseBridgeRule),
    ...(usersFile === undefined ? {} : { usersFile }),
    allowRemote: values["bridge-allow-remote"],
  };
}

function tcpAddress(text: string, option: string): Destination {
  const address = parseListenAddress(text);
  if (address.kind === "tcp") {
    // As for all other listeners, whatever the machine's resolver prefers.
    const host = /^localhost\.?$/i.test(address.host) ? "127.0.0.1" : address.host;
    return { host, port: address.port };
  }
  throw new AgentError("usage", `Cannot use "${text}" for --${option}: not a TCP address`, {
    hint: "write HOST:PORT, such as 127.0.0.1:1080",
  });
}
