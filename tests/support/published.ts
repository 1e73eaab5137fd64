/** What tests of published ports need: clients that say what they got. */
import type { DockerCli } from "./docker_cli.ts";
import { until } from "./poll.ts";

/** How long a client waits for its answer. */
const CLIENT_TIMEOUT_MS = 30_000;

/** Whether this machine has IPv6: ports without an address listen on `::1` then, too. */
export const HAS_IPV6 = Deno.networkInterfaces().some(({ address }) => address === "::1");

/**
 * What `docker port` says of a port without an address, such as `80/tcp -> 127.0.0.1:8080`, in
 * either CLI.
 */
export function portLines(key: string, port: number): RegExp {
  const line = (host: string) => `${key} -> ${host}:${port}`;
  const hosts = ["127\\.0\\.0\\.1", ...(HAS_IPV6 ? ["\\[?::1\\]?"] : [])];
  return new RegExp(`^${hosts.map(line).join("\\n")}$`);
}

/**
 * What a web server behind a published port says. That somebody listens is required at once; the
 * server in the container may still be on its way up.
 */
export async function fetchPort(port: number, host = "127.0.0.1"): Promise<string> {
  if (await isRefused(port, host)) throw new Error(`Nobody listens on ${host} port ${port}`);
  return await until(`port ${port} answers`, () => fetchOnce(port, host));
}

async function fetchOnce(port: number, host: string): Promise<string> {
  const where = host.includes(":") ? `[${host}]` : host;
  const signal = AbortSignal.timeout(CLIENT_TIMEOUT_MS);
  // One connection per call: the next one is to say what holds then.
  const client = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
  try {
    const response = await fetch(`http://${where}:${port}/`, { signal, client });
    return (await response.text()).trim();
  } finally {
    client.close();
  }
}

/** Whether the connection is refused, as on a port that nobody listens on. */
export async function isRefused(port: number, hostname = "127.0.0.1"): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port })).close();
    return false;
  } catch (error) {
    if (error instanceof Deno.errors.ConnectionRefused) return true;
    throw error;
  }
}

/** Waits until the port is refused. */
export function untilRefused(port: number): Promise<boolean> {
  return until(`port ${port} is refused`, () => isRefused(port), { everyMs: 20 });
}

/** Removes containers when the test is over. */
export function cleanup(docker: DockerCli, names: readonly string[]): AsyncDisposable {
  return {
    async [Symbol.asyncDispose]() {
      await docker.run(["rm", "-f", "-v", ...names]);
    },
  };
}

/** A shell command that serves `text` on `port` for as long as it runs. */
export function webOn(port: number, text: string): string {
  const root = `/w${port}`;
  return `{ mkdir -p ${root}; echo ${text} >${root}/index.html; exec httpd -f -p ${port} -h ${root}; }`;
}

/** Image and command of a web server that says the short id of its container. */
export const WEB = ["bb", "sh", "-c", webOn(80, "$(hostname)")] as const;
