import { AgentError } from "../../../../lib/errors.ts";
import { tunnelPath } from "../../../../lib/transport/guest/link.ts";
import {
  formatTunnelTarget,
  isTunnelUrl,
  parseFolderUrl,
  parseTunnelUrl,
  settingsOf,
} from "../../../../lib/transport/endpoint/tunnel_url.ts";
import { assertEquals, assertThrows } from "../../../support/assert.ts";

const CERTIFICATES = { certFile: "/certs/client.crt", keyFile: "/certs/client.key" };
const QUERY = "cert=/certs/client.crt&key=/certs/client.key";

Deno.test("the printed URL of a port leads to it, with certificates over TLS", () => {
  const url =
    `tstunnel://containers.tinyscale.net:443/tcp:localhost:8080?${QUERY}&ca=/certs/ca.crt`;
  assertEquals(parseTunnelUrl(url), {
    server: {
      host: "containers.tinyscale.net",
      port: 443,
      serverName: "containers.tinyscale.net",
      ...CERTIFICATES,
      caFile: "/certs/ca.crt",
      insecure: false,
    },
    target: { kind: "tcp", host: "localhost", port: 8080 },
  });
});

Deno.test("the printed URL of a folder leads to it", () => {
  const url = `tstunnel://containers.tinyscale.net:443/app?${QUERY}`;
  const { server, path } = parseFolderUrl(url);
  assertEquals([server.host, server.certFile, path], [
    "containers.tinyscale.net",
    "/certs/client.crt",
    "/app",
  ]);
  assertEquals(parseFolderUrl("tstunnel://h/srv/a%20b?").path, "/srv/a b");
});

Deno.test("without certificates the port is 80, with them 443, and empty values are left out", () => {
  const portOf = (query: string) => parseTunnelUrl(`tstunnel://h/tcp:a:1?${query}`).server.port;
  assertEquals(portOf(""), 80);
  assertEquals(portOf("cert=&key=&ca=&insecure="), 80);
  assertEquals(portOf("insecure=true"), 80);
  assertEquals(portOf("cert=c&key=k"), 443);
  assertEquals(portOf("ca=c"), 443);
});

Deno.test("insecure is a word of its own, or true and false", () => {
  const insecure = (query: string) =>
    parseTunnelUrl(`tstunnel://h/tcp:a:1?${query}`).server.insecure;
  assertEquals(["insecure", "insecure=true", "insecure=1"].map(insecure), [true, true, true]);
  assertEquals(["", "insecure=false", "insecure=0"].map(insecure), [false, false, false]);
});

Deno.test("tunnels lead to TCP, UDP and Unix sockets", () => {
  const cases = [
    ["tcp:[::1]:80", { kind: "tcp", host: "::1", port: 80 }, "tcp:%5B::1%5D:80"],
    ["udp:10.0.0.1:53", { kind: "udp", host: "10.0.0.1", port: 53 }, "udp:10.0.0.1:53"],
    ["unix:/run/a%20b.sock", { kind: "unix", path: "/run/a b.sock" }, "unix:/run/a%20b.sock"],
  ] as const;
  for (const [text, expected, path] of cases) {
    const { target } = parseTunnelUrl(`tstunnel://h/${text}`);
    assertEquals<unknown>(target, expected);
    assertEquals(tunnelPath(target), `/tinyscale/v1/tunnel/${path}`);
    assertEquals(formatTunnelTarget(target), decodeURIComponent(text));
  }
});

Deno.test("with an endpoint the server's name is that of a host behind it", () => {
  const serverOf = (text: string) => {
    const { host, port, serverName } = parseTunnelUrl(text).server;
    return `${serverName} at ${host}:${port}`;
  };
  assertEquals(
    serverOf("tstunnel://gpu.containers.example/tcp:a:1?endpoint=gw.example:8443&ca=c"),
    "gpu.containers.example at gw.example:8443",
  );
  assertEquals(
    serverOf(`tstunnel://abc/tcp:a:1?endpoint=containers.tinyscale.net&${QUERY}`),
    "abc.containers.tinyscale.net at containers.tinyscale.net:443",
  );
  assertEquals(serverOf("tstunnel://abc/tcp:a:1?endpoint=10.0.0.1"), "abc at 10.0.0.1:80");
});

Deno.test("an IPv6 address may have a zone, written as URLs do or as it is", () => {
  const hostOf = (text: string) => parseTunnelUrl(text).server.host;
  for (
    const [authority, host] of [
      ["[fe80::1%25eth0]:8443", "fe80::1%eth0"],
      ["[fe80::1%eth0]", "fe80::1%eth0"],
      ["[fe80::1%2525]", "fe80::1%25"],
      ["[::1]:80", "::1"],
    ] as const
  ) assertEquals(hostOf(`tstunnel://${authority}/tcp:a:1`), host);
  const endpoint = "tstunnel://abc.test/tcp:a:1?endpoint=[fe80::1%25eth0]:8443";
  assertEquals(hostOf(endpoint), "fe80::1%eth0");
});

Deno.test("settings have absolute files, and TLS where there are any", () => {
  const settings = (query: string) =>
    settingsOf(parseTunnelUrl(`tstunnel://h/tcp:a:1?${query}`).server, (file) => `/cwd/${file}`);
  assertEquals(settings("cert=c&key=k&ca=a").tls, {
    certFile: "/cwd/c",
    keyFile: "/cwd/k",
    caFile: "/cwd/a",
  });
  assertEquals(settings("insecure").tls, undefined);
  assertEquals(settings("insecure").insecure, true);
});

const MISTAKES: [string, string][] = [
  ["http://h/tcp:a:1", "it does not begin with tstunnel://"],
  ["tstunnel:///tcp:a:1", "the server is missing"],
  ["tstunnel://h", "what it leads to is missing"],
  ["tstunnel://h/", "what it leads to is missing"],
  ["tstunnel://h/app", "it leads to no tcp:HOST:PORT, udp:HOST:PORT or unix:/PATH"],
  ["tstunnel://h/tcp:a", 'the port is missing in "a"'],
  ["tstunnel://h/tcp:a:0", 'bad port "0" in "a:0"'],
  ["tstunnel://h/unix:run/x", "a socket has an absolute path, as in unix:/run/x.sock"],
  ["tstunnel://h:x/tcp:a:1", 'bad port "x" in "h:x"'],
  ["tstunnel://me@h/tcp:a:1", 'a server has no user in "me@h"'],
  ["tstunnel://h/tcp:a:1#x", '"#" has to be written as %23'],
  [
    "tstunnel://h/tcp:a:1?cret=c",
    'unknown parameter "cret", there are cert, key, ca, insecure, endpoint',
  ],
  ["tstunnel://h/tcp:a:1?ca=a&ca=b", '"ca" is there twice'],
  ["tstunnel://h/tcp:a:1?insecure=perhaps", '"insecure" is true or false'],
  ["tstunnel://h:1/tcp:a:1?endpoint=g", "with endpoint= the host has no port"],
  ["tstunnel://h/tcp:%zz:1", 'bad percent-encoding in "tcp:%zz:1"'],
  ["tstunnel://h/tcp:a%00:1", "it contains a control character"],
  [`tstunnel://h/unix:/${"x".repeat(5000)}`, "longer than 4096 characters"],
];

for (const [url, problem] of MISTAKES) {
  Deno.test(`"${url.slice(0, 50)}" is refused in one line`, () => {
    const error = assertThrows(() => parseTunnelUrl(url), AgentError) as AgentError;
    assertEquals(error.message.endsWith(`: ${problem}`), true, error.message);
    assertEquals([error.kind, error.hint?.startsWith("write a URL such as")], ["usage", true]);
  });
}

Deno.test("a certificate without its key, and the other way round, is refused", () => {
  for (const [given, missing] of [["cert", "key"], ["key", "cert"]]) {
    assertThrows(
      () => parseTunnelUrl(`tstunnel://h/tcp:a:1?${given}=x`),
      AgentError,
      `Missing ${missing}= in the URL, which ${given}= in the URL needs`,
    );
  }
});

Deno.test("a folder is no address", () => {
  assertThrows(() => parseFolderUrl("tstunnel://h/"), AgentError, "the folder is missing");
  const address = "it leads to an address, not to a folder";
  assertThrows(() => parseFolderUrl("tstunnel://h/tcp:a:1"), AgentError, address);
  assertEquals([isTunnelUrl("TSTUNNEL://h/x"), isTunnelUrl("h:/x")], [true, false]);
});
