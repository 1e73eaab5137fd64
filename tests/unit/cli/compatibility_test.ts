/** Command lines and files written for earlier tools, as their manuals print them. */
import { assertEquals } from "../../support/assert.ts";
import { TS_WORDS } from "../../../lib/transport/endpoint/tls_error.ts";
import { DEFAULT_SETTINGS, plain, settingsFor, shellWords } from "../../support/command_line.ts";

/** What a command line leads to beyond the defaults. */
type Expected = Record<string, unknown>;

const RSA = "/home/dev/.ssh/id_rsa";

const CLIENT_FILES = {
  port: 443,
  certFile: "/path/to/client-cert.pem",
  keyFile: "/path/to/client-key.pem",
  caFile: "/path/to/ca-cert.pem",
};

const PRINTED: [string, Expected][] = [
  [
    `./remote-docker-agent \\
  --transport ssh \\
  --listen 127.0.0.1:2375 \\
  --ssh-user root \\
  --ssh-host remote.example.com:22 \\
  --ssh-key ~/.ssh/id_rsa \\
  --remote-docker unix:///var/run/docker.sock`,
    { sshUser: "root", sshHost: "remote.example.com", sshPort: 22, sshKeys: [RSA] },
  ],
  [
    `./remote-docker-agent \\
  --transport mtls \\
  --listen 127.0.0.1:2375 \\
  --mtls-endpoint gateway.tinyscale.net:443 \\
  --mtls-cert /path/to/client-cert.pem \\
  --mtls-key /path/to/client-key.pem \\
  --mtls-ca /path/to/ca-cert.pem \\
  --mtls-sni abcdefg.containers.tinyscale.net \\
  --remote-docker unix:///var/run/docker.sock`,
    {
      transport: "mtls",
      mtls: {
        host: "gateway.tinyscale.net",
        serverName: "abcdefg.containers.tinyscale.net",
        ...CLIENT_FILES,
      },
    },
  ],
  [
    `./remote-docker-agent \\
  --transport ssh \\
  --listen 127.0.0.1:2375 \\
  --ssh-user your-user \\
  --ssh-host your-host:22 \\
  --ssh-key ~/.ssh/id_rsa \\
  --remote-docker unix:///var/run/docker.sock`,
    { sshUser: "your-user", sshHost: "your-host", sshPort: 22, sshKeys: [RSA] },
  ],
  [
    `./remote-docker-agent \\
  --transport mtls \\
  --listen 127.0.0.1:2375 \\
  --mtls-endpoint gateway.example.com:443 \\
  --mtls-cert /path/to/client-cert.pem \\
  --mtls-key /path/to/client-key.pem \\
  --mtls-ca /path/to/ca-cert.pem \\
  --mtls-sni myhost.containers.example.net \\
  --remote-docker unix:///var/run/docker.sock`,
    {
      transport: "mtls",
      mtls: {
        host: "gateway.example.com",
        serverName: "myhost.containers.example.net",
        ...CLIENT_FILES,
      },
    },
  ],
  [
    `./tcp-proxy \\
  -listen 127.0.0.1:2375 \\
  -ssh-user root \\
  -ssh-host remote.example.com:22 \\
  -ssh-key ~/.ssh/id_rsa \\
  -remote-docker unix:///var/run/docker.sock`,
    { sshUser: "root", sshHost: "remote.example.com", sshPort: 22, sshKeys: [RSA] },
  ],
  [
    `./bin/ssh-docker-proxy \\
  -ssh-user=your-username \\
  -ssh-host=your-server.com:22 \\
  -ssh-key=~/.ssh/id_rsa \\
  -local-socket=/tmp/docker-proxy.sock`,
    {
      sshUser: "your-username",
      sshHost: "your-server.com",
      sshPort: 22,
      sshKeys: [RSA],
      listen: ["unix:///tmp/docker-proxy.sock"],
    },
  ],
  [
    "./bin/ssh-docker-proxy -config=config.yaml",
    {
      sshUser: "your-username",
      sshHost: "your-server.com",
      sshPort: 22,
      sshKeys: [RSA],
      listen: ["unix:///tmp/docker-proxy.sock"],
    },
  ],
  [
    `tsctl start \\
  --listen 127.0.0.1:2375 \\
  --ts-server containers.tinyscale.net:443 \\
  --ts-cert /path/to/client.crt \\
  --ts-key /path/to/client.key \\
  --ts-ca /path/to/ca.crt \\
  --remote-docker unix:///var/run/docker.sock`,
    {
      transport: "tstunnel",
      tstunnel: {
        host: "containers.tinyscale.net",
        port: 443,
        serverName: "containers.tinyscale.net",
        words: TS_WORDS,
        insecure: false,
        tls: {
          certFile: "/path/to/client.crt",
          keyFile: "/path/to/client.key",
          caFile: "/path/to/ca.crt",
        },
      },
    },
  ],
  [
    `tsctl start \\
  --listen 127.0.0.1:2375 \\
  --ts-server remote-host:8080 \\
  --ts-insecure \\
  --remote-docker unix:///var/run/docker.sock`,
    { transport: "tstunnel", tstunnel: insecureServer("remote-host") },
  ],
  [
    "tsctl start --listen :2375 --ts-server dev-host:8080 --ts-insecure",
    { transport: "tstunnel", tstunnel: insecureServer("dev-host"), listen: [":2375"] },
  ],
];

function insecureServer(host: string) {
  return { host, port: 8080, serverName: host, words: TS_WORDS, insecure: true };
}

const FILES = {
  "/project/config.yaml": `local_socket: "/tmp/docker-proxy.sock"
ssh_user: "your-username"
ssh_host: "your-server.com:22"
ssh_key_path: "~/.ssh/id_rsa"
remote_socket: "/var/run/docker.sock"
timeout: 10s
`,
};

Deno.test("command lines of earlier tools work as they were printed", async () => {
  for (const [line, expected] of PRINTED) {
    const [, ...args] = shellWords(line);
    const settings = await settingsFor(args, { files: FILES });
    assertEquals<unknown>(plain(settings), { ...DEFAULT_SETTINGS, ...expected }, line);
  }
});

Deno.test("each flag of earlier tools and each example of its value is understood", async () => {
  const cases: [string[], Expected][] = [
    [["--remote-docker", "tcp://127.0.0.1:2375"], { remoteDocker: "tcp://127.0.0.1:2375" }],
    [["--log-level", "debug"], { logLevel: "debug" }],
    [["--ssh-key", "/home/user/.ssh/id_rsa"], { sshKeys: ["/home/user/.ssh/id_rsa"] }],
    [["-listen", "localhost:23750"], { listen: ["localhost:23750"] }],
    [["-remote-socket=/var/run/docker.sock"], {}],
    [["-timeout=10s"], {}],
  ];
  for (const [args, expected] of cases) {
    const settings = await settingsFor(["-ssh-host=h", ...args]);
    assertEquals<unknown>(plain(settings), { ...DEFAULT_SETTINGS, sshHost: "h", ...expected });
  }
});

Deno.test("the field names of an earlier tool are keys of a file", async () => {
  const json = JSON.stringify({
    ListenAddr: "127.0.0.1:2375",
    SSHUser: "root",
    SSHHost: "remote.example.com:22",
    SSHKeyPath: "/home/user/.ssh/id_rsa",
    RemoteDocker: "tcp://127.0.0.1:2375",
  });
  const settings = await settingsFor(["--config", "c.json"], {
    files: { "/project/c.json": json },
  });
  assertEquals<unknown>(plain(settings), {
    ...DEFAULT_SETTINGS,
    sshUser: "root",
    sshHost: "remote.example.com",
    sshPort: 22,
    sshKeys: ["/home/user/.ssh/id_rsa"],
    remoteDocker: "tcp://127.0.0.1:2375",
  });
});
