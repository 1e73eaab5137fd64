/** The part of the composition root that joins listeners and proxies. */
import { dirname } from "node:path";
import type { RequestHead } from "../http/head.ts";
import { checkClientHeaders } from "../listen/host_policy.ts";
import type { ClientInfo, Listener } from "../listen/listener.ts";
import type { ListenAddress } from "../net/address.ts";
import { Proxy } from "../proxy/proxy.ts";

/** The sockets of hosts may be in a folder that docker makes elsewhere, such as `~/.docker/run`. */
export async function makeDirectory(address: ListenAddress): Promise<void> {
  if (address.kind !== "unix") return;
  await Deno.mkdir(dirname(address.path), { recursive: true, mode: 0o700 });
}

/** Serves the clients of a listener with the proxy that is found when they come. */
export function serve(listener: Listener, find: () => Proxy | Promise<Proxy>): void {
  // Web pages reach TCP on loopback, but neither socket files nor listeners that ask for a certificate.
  const guarded = listener.address.kind === "tcp" && !listener.mutualTls;
  listener.serve(async (duplex, info) => {
    const found = find();
    const proxy = found instanceof Proxy ? found : await found;
    await proxy.serve(duplex, {
      remote: info.remote,
      identity: identityOf(info),
      ...(guarded && { guard: guardOf }),
    });
  });
}

/** Clients that cannot be told apart share their places: one certificate, one address, one socket. */
function identityOf({ remote, subject }: ClientInfo): string {
  return subject ?? remote.replace(/:\d+$/, "");
}

function guardOf({ headers }: RequestHead) {
  return checkClientHeaders(
    headers.get("Host"),
    headers.get("Origin"),
    headers.get("Sec-Fetch-Site"),
  );
}
