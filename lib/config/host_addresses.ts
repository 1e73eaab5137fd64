/**
 * What several hosts of one program would listen on: a mistake that is better told before anything is
 * started, and most often a value outside of `hosts` which each of them has taken over.
 */
import { AgentError } from "../errors.ts";
import {
  formatDockerHost,
  formatHostPort,
  type ListenAddress,
  parseListenAddress,
} from "../net/address.ts";
import type { Report } from "./file/file.ts";
import type { OptionName } from "./schema.ts";
import type { Settings } from "./settings/settings.ts";

/** What is looked at of a host. */
type HostSettings = Pick<Settings, "listen" | "ports" | "bridge" | "origins"> & {
  readonly name?: string;
};

/** A local address that a host takes, and the option that has it do so. */
interface Claim {
  readonly address: string;
  readonly option: OptionName;
}

/** Reports every address that two hosts want. */
export function checkAddresses(hosts: readonly HostSettings[], report: Report): void {
  const owners = new Map<string, string>();
  for (const host of hosts) {
    const { name = "", origins } = host;
    for (const { address, option } of claimsOf(host)) {
      const other = owners.get(address);
      owners.set(address, other ?? name);
      if (other === undefined || other === name) continue;
      const message = `Hosts "${other}" and "${name}" would both listen on ${address}, ` +
        `by ${origins[option].where}`;
      report(new AgentError("config", message, { hint: "give each host its own address" }));
    }
  }
}

function claimsOf({ listen, ports, bridge }: HostSettings): Claim[] {
  const listeners = listen.map((text) => claim("listen", parseListenAddress(text)));
  const forwards = ports.forwards.map(({ requested: { hostIp, hostPort, protocol } }) =>
    hostPort === "0" ? [] : [{
      address: `${formatHostPort(hostIp, Number(hostPort))}${protocol === "udp" ? "/udp" : ""}`,
      option: "forward" as const,
    }]
  );
  const bridges = bridge === undefined ? [] : [
    ...bridge.socks.map((address) => claim("socks", { kind: "tcp", ...address })),
    ...bridge.httpProxy.map((address) => claim("http-proxy", { kind: "tcp", ...address })),
  ];
  return [...listeners, ...forwards, ...bridges].flat();
}

/** Any free port is nobody's. */
function claim(option: OptionName, address: ListenAddress): Claim[] {
  if (address.kind !== "tcp") return [{ address: formatDockerHost(address), option }];
  return address.port === 0
    ? []
    : [{ address: formatHostPort(address.host, address.port), option }];
}
