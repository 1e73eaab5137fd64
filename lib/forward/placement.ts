/** Where a binding is to listen: the user's rules first, then the request, within the policy. */
import { isAddressOfThisMachine, localAddress } from "./address.ts";
import { parseHostPort, type PortRange, type RequestedBinding } from "./binding.ts";
import { decide, type PortRule } from "./rules.ts";

/** The container ports are taken for; image and labels are what rules can ask about. */
export interface ContainerRef {
  readonly id: string;
  readonly name: string;
  readonly image?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** The local addresses and ports that would do. */
export interface Place {
  readonly host: string;
  readonly range: PortRange;
  /** See {@link localAddress}. */
  readonly twin?: string;
  /** Set when the address is not the one that was asked for; see {@link localAddress}. */
  readonly note?: string;
}

/** Decides for one binding; `undefined` leaves it alone. */
export type Placer = (requested: RequestedBinding) => Place | undefined;

/** Takes a request by its word, for forwards the user has written down himself. */
export function literalPlace({ hostIp, hostPort }: RequestedBinding): Place {
  return { host: hostIp, range: parseHostPort(hostPort) };
}

/** A {@link Placer} for the ports of one container. */
export function containerPlacer(
  container: ContainerRef,
  rules: readonly PortRule[],
  publishAddress: string,
): Placer {
  return (requested) => {
    const { containerPort, protocol } = requested;
    const { name, image = "", labels = {} } = container;
    const action = decide(rules, { container: name, image, labels, containerPort, protocol });
    if (action.ignore) return undefined;
    const { localPort, address = requested.hostIp } = action;
    const range = localPort === undefined
      ? parseHostPort(requested.hostPort)
      : { first: localPort, last: localPort };
    return { ...publishedAddress(address, publishAddress), range };
  };
}

/** As {@link localAddress}, for this machine. */
export function publishedAddress(hostIp: string, publishAddress: string) {
  return localAddress(hostIp, { publishAddress, isLocal: isAddressOfThisMachine });
}
