/** Why an address cannot be listened on, in the user's words. */
import { AgentError, errorCode, messageOf } from "../errors.ts";
import { formatHostPort, type ListenAddress } from "../net/address.ts";
import { ownerOf } from "./socket_owner.ts";

/** Linux's default of `net.ipv4.ip_unprivileged_port_start`. */
const FIRST_FREE_PORT = 1024;

/** Lists the ranges that Hyper-V, among others, has reserved. */
const KEPT = "netsh interface ipv4 show excludedportrange protocol=tcp";

/** An address as it appears in messages about listening. */
export function addressText(address: ListenAddress): string {
  return address.kind === "tcp" ? formatHostPort(address.host, address.port) : address.path;
}

/** The error for a failed `listen` on `address`; `error` is what Deno or Node threw. */
export function bindError(
  address: ListenAddress,
  error: unknown,
  platform = Deno.build.os,
): AgentError {
  const { reason, hint } = explain(address, error, platform);
  return new AgentError("listen", `Cannot listen on "${addressText(address)}": ${reason}`, {
    cause: error,
    hint,
  });
}

/** The error for an address that somebody else serves. */
export function inUseError(address: ListenAddress): AgentError {
  const { reason, hint } = inUse(address);
  return new AgentError("listen", `Cannot listen on "${addressText(address)}": ${reason}`, {
    hint,
  });
}

interface Explanation {
  reason: string;
  hint: string;
}

function inUse(address: ListenAddress): Explanation {
  return {
    reason: `address already in use by ${ownerOf(address)}`,
    hint: "stop that process, or choose another address with --listen",
  };
}

function explain(
  address: ListenAddress,
  error: unknown,
  platform: typeof Deno.build.os,
): Explanation {
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return inUse(address);
    case "EACCES":
    case "EPERM":
      return { reason: "permission denied", hint: permissionHint(address, platform) };
    case "EADDRNOTAVAIL":
    case "EINVAL": // what node:net on Deno makes of it
      return {
        reason: "this machine has no such address",
        hint: "listen on 127.0.0.1, or on an address of this machine",
      };
    case "ENOTFOUND":
      return {
        reason: "its name cannot be resolved",
        hint: "listen on an address of this machine, or fix the name",
      };
    case "ENOENT":
    case "ENOTDIR":
      return {
        reason: "its directory does not exist",
        hint: "create the directory, or choose another path",
      };
    default:
      return { reason: messageOf(error), hint: "choose another address with --listen" };
  }
}

function permissionHint(address: ListenAddress, platform: typeof Deno.build.os): string {
  if (address.kind === "unix") return "choose a path in a directory of yours";
  if (address.kind === "npipe") return "another user may have that pipe; choose another name";
  if (platform === "windows") return `choose a port outside of those that Windows keeps: ${KEPT}`;
  if (platform === "darwin" && address.port < FIRST_FREE_PORT) {
    return `macOS has ports below ${FIRST_FREE_PORT} only for all addresses at once or for root; ` +
      "choose a higher one";
  }
  return address.port < FIRST_FREE_PORT
    ? `ports below ${FIRST_FREE_PORT} need special rights; choose a higher one`
    : "choose another port";
}
