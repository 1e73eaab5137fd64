import { linuxPath, wslArguments } from "../../../lib/relay/wsl_server.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("a file is named as the distribution names it", () => {
  const cases: [string, string][] = [
    ["C:\\path\\to\\relay-linux", "/mnt/c/path/to/relay-linux"],
    ["d:/tools/relay linux", "/mnt/d/tools/relay linux"],
    ["C:\\", "/mnt/c/"],
    ["\\\\wsl$\\Ubuntu\\home\\dev\\relay", "/home/dev/relay"],
    ["\\\\wsl.localhost\\Ubuntu-24.04\\opt\\relay", "/opt/relay"],
    ["//WSL$/Ubuntu/home/dev/relay", "/home/dev/relay"],
    ["/home/dev/relay", "/home/dev/relay"],
    ["relay", "relay"],
  ];
  for (const [path, expected] of cases) assertEquals(linuxPath(path), expected, path);
});

const OPTIONS = {
  distribution: "Ubuntu 24",
  program: "C:\\relay",
  host: "127.0.0.1",
  port: 20022,
  socket: "/var/run/docker.sock",
  authorizedKeys: ["ssh-ed25519 AAAA relay"],
  watchParent: false,
  pollIntervalMs: 2000,
  maxWaitMs: 5000,
  maxRetries: 5,
  onHostKey: () => Promise.resolve(),
};

Deno.test("the server is started without a shell, and ends with its standard input", () => {
  assertEquals(wslArguments(OPTIONS, 4242), [
    ...["--distribution", "Ubuntu 24", "--exec", "/mnt/c/relay", "relay-server"],
    ...["--host", "127.0.0.1", "--port", "20022", "--allow-socket", "/var/run/docker.sock"],
    ...["--authorized-key", "ssh-ed25519 AAAA relay", "--stop-on-stdin-end"],
    ...["--log-format", "json", "--log-level", "info"],
  ]);
});

Deno.test("a server that watches is told whom", () => {
  const words = wslArguments({ ...OPTIONS, watchParent: true, bufferSize: 8192 }, 4242);
  assertEquals(words.slice(words.indexOf("--buffer-size")), [
    ...["--buffer-size", "8192", "--watch-process-termination", "--parent-process-pid", "4242"],
    ...["--poll-interval", "2000ms", "--max-request-wait-time", "5000ms"],
  ]);
});
