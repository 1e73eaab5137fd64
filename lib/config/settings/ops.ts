/**
 * How a long-running command is watched and bounded, made from the values of the option table: the
 * same for all of them. See `settings.ts`, which does the rest for `start`.
 */
import { formatHostPort } from "../../net/address.ts";
import type { OpsSettings } from "../../ops/ops.ts";
import type { ClientLimits } from "../../proxy/limits.ts";
import { type Place, runtimeFolders } from "../paths.ts";
import type { Values } from "../schema.ts";
import { type Settings, tlsSettings } from "./settings.ts";

/** What a proxy grants its clients. */
export function clientLimits(values: Values): ClientLimits {
  return {
    maxConnections: values["max-connections"],
    queueMs: values["queue-timeout"],
    idleMs: values["idle-timeout"],
    readMs: values["read-timeout"],
    writeMs: values["write-timeout"],
  };
}

/** The addresses by name, then the two ports of 127.0.0.1; a port that was named is wanted. */
export function opsSettings(
  { values, origins }: { values: Values; origins: Settings["origins"] },
  place: Place,
): OpsSettings {
  const ports = (["health-check", "metrics"] as const).flatMap((name) => {
    const named = origins[`${name}-port`].source !== "default";
    const silent = origins[`${name}-enabled`].source === "default";
    const wanted = values[`${name}-enabled`] || (named && silent);
    return wanted ? [formatHostPort("127.0.0.1", values[`${name}-port`])] : [];
  });
  const [runtimeDirectory] = runtimeFolders(place);
  return {
    listen: [...values["ops-listen"], ...new Set(ports)],
    allowRemoteClients: values["allow-remote-clients"],
    ...tlsSettings(values),
    ...(runtimeDirectory === undefined ? {} : { runtimeDirectory }),
  };
}
