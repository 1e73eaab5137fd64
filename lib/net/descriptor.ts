/** The descriptor of a `node:net` socket, for what only the C library can set or tell. */
import type { Socket } from "node:net";

/**
 * A descriptor of the same socket, which belongs to the caller; negative where the runtime gives none. The
 * socket of TLS is the one beneath.
 */
export function duplicateOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, "_handle");
  if (!isObject(handle)) return -1;
  const beneath: unknown = Reflect.get(handle, "_parent");
  const tcp = isObject(beneath) ? beneath : handle;
  const give: unknown = Reflect.get(tcp, "fdForIpc");
  if (typeof give !== "function") return -1;
  const descriptor: unknown = give.call(tcp);
  return typeof descriptor === "number" ? descriptor : -1;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
