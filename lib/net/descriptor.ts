/** What only the C library can set or tell of a `node:net` socket, by way of its descriptor. */
import type { Socket } from "node:net";

const LIBC = "libc.so.6";
const SYMBOLS = {
  getsockopt: { parameters: ["i32", "i32", "i32", "buffer", "buffer"], result: "i32" },
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** Linux's `IPPROTO_TCP`, the same on x86-64 and arm64 (netinet/in.h). */
export const IPPROTO_TCP = 6;

/** See getsockopt(2); both return 0 where it went well. */
export type SocketCalls = Pick<
  Deno.DynamicLibrary<typeof SYMBOLS>["symbols"],
  "getsockopt" | "setsockopt"
>;

/**
 * Calls `work` with a descriptor of the socket, or of the one beneath where it is TLS; the descriptor is
 * good until `work` returns. Returns `undefined`, and calls nothing, on other systems than Linux, with
 * another C library, and where the runtime gives no descriptor, as of a socket that is closed.
 */
export function withDescriptor<T>(
  socket: Socket,
  work: (descriptor: number, calls: SocketCalls) => T,
): T | undefined {
  const libc = Deno.build.os === "linux" ? load() : undefined;
  if (libc === undefined) return undefined;
  const descriptor = duplicateOf(socket);
  try {
    return descriptor < 0 ? undefined : work(descriptor, libc.symbols);
  } finally {
    if (descriptor >= 0) libc.symbols.close(descriptor);
    libc.close();
  }
}

function load(): Deno.DynamicLibrary<typeof SYMBOLS> | undefined {
  try {
    return Deno.dlopen(LIBC, SYMBOLS);
  } catch {
    // Another C library: its users can do without.
    return undefined;
  }
}

/** A descriptor of the same socket, which belongs to the caller; negative where there is none. */
function duplicateOf(socket: Socket): number {
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
