/**
 * Why a local port cannot be had, in the words of dockerd, because that is what users and the tools
 * which read its errors know. They changed with dockerd 28.
 */
import { errorCode, messageOf } from "../errors.ts";
import { formatHostPort } from "../net/address.ts";
import type { Protocol } from "./binding.ts";

/**
 * - `allocated`: another forwarding of ours holds the port;
 * - `exhausted`: each port of a range is held by somebody;
 * - `in-use`: another process holds it, or it is guarded;
 * - `permission`: the system does not let us have it (below 1024);
 * - `unavailable`: no such address here, or anything else.
 */
export type BindReason = "allocated" | "exhausted" | "in-use" | "permission" | "unavailable";

/** Whose words: those of dockerd up to 27, or from 28 on, or of Podman. */
export type EngineWords = "27" | "28" | "podman";

/** The local end somebody asked for. */
export interface BindSubject {
  readonly protocol: Protocol;
  readonly host: string;
  readonly port: number;
}

/** See the file comment. */
export class BindError extends Error {
  override readonly name = "BindError";
  readonly reason: BindReason;
  readonly subject: BindSubject;
  readonly #detail: string;

  constructor(reason: BindReason, subject: BindSubject, cause?: unknown) {
    const detail = detailOf(reason, cause);
    super(engineText("27", reason, subject, detail), cause === undefined ? undefined : { cause });
    this.reason = reason;
    this.subject = subject;
    this.#detail = detail;
  }

  /**
   * What dockerd says inside "driver failed programming external connectivity on endpoint NAME
   * (ID): …", and Podman without that.
   */
  engineText(words: EngineWords = "27"): string {
    return engineText(words, this.reason, this.subject, this.#detail);
  }

  /** For who has asked for the port here, and not an engine for a container. */
  get plainText(): string {
    if (this.reason === "allocated") return "another forward of this program has the port";
    return this.reason === "exhausted" ? "all ports of the range are taken" : this.#detail;
  }
}

/** The reason for what `node:net` or `node:dgram` reported when it could not listen. */
export function bindReason(error: unknown): BindReason {
  switch (errorCode(error)) {
    case "EADDRINUSE":
      return "in-use";
    case "EACCES":
    case "EPERM":
      return "permission";
    default:
      return "unavailable";
  }
}

function engineText(
  words: EngineWords,
  reason: BindReason,
  { protocol, host, port }: BindSubject,
  detail: string,
): string {
  const network = `${protocol}${host.includes(":") ? "6" : "4"}`;
  const address = formatHostPort(host, port);
  if (words === "podman") {
    const held = reason === "allocated" || reason === "exhausted";
    const why = held ? "address already in use" : detail;
    const what = `cannot listen on the ${protocol.toUpperCase()} port`;
    return `${what}: listen ${network} ${address}: bind: ${why}`;
  }
  // The port allocator prints no brackets around an IPv6 address, the userland proxy does.
  if (reason === "allocated") return `Bind for ${host}:${port} failed: port is already allocated`;
  if (reason === "exhausted") return "all ports are allocated";
  // Some of 28 also tell the address in the container, which has none yet when it is refused here.
  if (words === "28") return `failed to bind host port ${address}/${protocol}: ${detail}`;
  return `Error starting userland proxy: listen ${network} ${address}: bind: ${detail}`;
}

function detailOf(reason: BindReason, cause: unknown): string {
  if (reason === "in-use") return "address already in use";
  if (reason === "permission") return "permission denied";
  const code = errorCode(cause);
  // EINVAL is what node:net on Deno makes of EADDRNOTAVAIL.
  const noAddress = code === "EADDRNOTAVAIL" || code === "EINVAL";
  return noAddress ? "cannot assign requested address" : messageOf(cause);
}
