/**
 * What the gateway is measured on: an engine that answers `OK` at once, and in front of it our gateway
 * and nginx, both with client certificates, one process each. Whoever sets the stage clears it.
 */
import { RUNTIME_FLAGS } from "../../../lib/cli/runtime.ts";
import { initAuthority, issueClient, issueServer } from "../../../lib/certs/certs.ts";
import { type Child, startChild } from "../child.ts";

const MAIN = new URL("../../../main.ts", import.meta.url).pathname;
const CONFIG = new URL("../../../deno.json", import.meta.url).pathname;
const READY_MS = 10_000;
const POLL_MS = 50;

/** One of the two gateways. */
export interface Way {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

/** The client's side of the handshake. */
export interface Credentials {
  readonly cert: string;
  readonly key: string;
  readonly caCerts: string[];
}

/** See the file comment. */
export class Stage implements AsyncDisposable {
  readonly ways: readonly Way[];
  readonly credentials: Credentials;
  readonly #directory: string;
  readonly #children: readonly Child[];

  private constructor(
    directory: string,
    children: readonly Child[],
    ways: readonly Way[],
    credentials: Credentials,
  ) {
    this.#directory = directory;
    this.#children = children;
    this.ways = ways;
    this.credentials = credentials;
  }

  /** Starts everything; needs nginx. */
  static async set(): Promise<Stage> {
    const directory = await Deno.makeTempDir({ prefix: "rda-bench-gateway-" });
    await Deno.chmod(directory, 0o711);
    const options = { directory, force: false };
    await initAuthority(options);
    await issueServer(["localhost"], options);
    const client = await issueClient("bench", options);
    const credentials = {
      cert: await Deno.readTextFile(client.certFile),
      key: await Deno.readTextFile(client.keyFile),
      caCerts: [await Deno.readTextFile(`${directory}/ca.pem`)],
    };
    const engine = await nginx(directory, "engine", engineServer(directory));
    const [ours, theirs] = [freePort(), freePort()];
    await Deno.writeTextFile(`${directory}/gateway.yaml`, gatewayConfig(directory, ours));
    const gateway = startChild(Deno.execPath(), [
      ...["run", "-A", "--quiet", ...RUNTIME_FLAGS, "--config", CONFIG, MAIN],
      ...["gateway", "--gateway-config", `${directory}/gateway.yaml`, "--log-level", "warn"],
    ]);
    const other = await nginx(directory, "gateway", gatewayServer(directory, theirs));
    await Promise.all([ours, theirs].map(untilListening));
    const ways = [
      { name: "gateway", port: ours, pid: gateway.pid },
      { name: "nginx", port: theirs, pid: other.pid },
    ];
    return new Stage(directory, [engine, gateway, other], ways, credentials);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#children.map((child) => child.stop()));
    await Deno.remove(this.#directory, { recursive: true });
  }
}

function gatewayConfig(directory: string, port: number): string {
  return `listen: 127.0.0.1:${port}
cert: localhost.pem
key: localhost-key.pem
client_ca: ca.pem
hosts: {localhost: {engine: "unix://${directory}/engine.sock"}}
clients: [{name: bench, hosts: localhost, access: full}]
limits: {connections: 5000, connections_per_client: 5000, requests_per_second: 999999}
`;
}

function engineServer(directory: string): string {
  return `server { listen unix:${directory}/engine.sock backlog=4096; keepalive_requests 100000000;
    location / { default_type text/plain; return 200 "OK"; } }`;
}

/** As a gateway needs it: nothing buffered, connections to the engine kept, an access log. */
function gatewayServer(directory: string, port: number): string {
  return `upstream engine { server unix:${directory}/engine.sock; keepalive 64; }
  log_format who '$time_iso8601 $ssl_client_s_dn $ssl_server_name "$request" $status';
  server {
    listen 127.0.0.1:${port} ssl; server_name localhost; access_log off;
    ssl_certificate ${directory}/localhost.pem; ssl_certificate_key ${directory}/localhost-key.pem;
    ssl_client_certificate ${directory}/ca.pem; ssl_verify_client on;
    ssl_protocols TLSv1.2 TLSv1.3; keepalive_requests 100000000; keepalive_timeout 300s;
    location / { proxy_pass http://engine; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_buffering off; proxy_request_buffering off; } }`;
}

async function nginx(directory: string, name: string, server: string): Promise<Child> {
  const file = `${directory}/${name}.conf`;
  await Deno.writeTextFile(
    file,
    `daemon off; master_process off; pid ${directory}/${name}.pid; error_log stderr crit;
events { worker_connections 8000; }
http { access_log off; client_body_temp_path ${directory}/${name}-body;
  proxy_temp_path ${directory}/${name}-proxy; fastcgi_temp_path ${directory}/${name}-f;
  uwsgi_temp_path ${directory}/${name}-u; scgi_temp_path ${directory}/${name}-s;
  ${server} }\n`,
  );
  return startChild("nginx", ["-c", file]);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function untilListening(port: number): Promise<void> {
  for (const deadline = Date.now() + READY_MS; Date.now() < deadline;) {
    try {
      (await Deno.connect({ hostname: "127.0.0.1", port })).close();
      return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  throw new Error(`Nothing listens on port ${port} after ${READY_MS} ms`);
}
