import { runtimeFolders } from "../../../lib/config/paths.ts";
import { assertEquals } from "../../support/assert.ts";
import { settingsFor } from "../../support/command_line.ts";

const HOST = ["--ssh-host", "gpu"];

Deno.test("nothing is shown on a port unless it is asked for", async () => {
  const { ops, limits } = await settingsFor(HOST);
  assertEquals(ops, {
    listen: [],
    allowRemoteClients: false,
    runtimeDirectory: "/home/dev/.local/state/remote-docker-agent/run",
  });
  assertEquals(limits, {
    maxConnections: 1000,
    queueMs: 10_000,
    idleMs: 600_000,
    readMs: 300_000,
    writeMs: 0,
  });
});

const PORTS: [string[], string[]][] = [
  [["--health-check-enabled"], ["127.0.0.1:20080"]],
  [["--metrics-enabled"], ["127.0.0.1:20090"]],
  [["--health-check-enabled", "--metrics-enabled"], ["127.0.0.1:20080", "127.0.0.1:20090"]],
  [["--health-check-port", "1"], ["127.0.0.1:1"]],
  [["--health-check-port", "1", "--no-health-check-enabled"], []],
  [["--metrics-port=5", "--health-check-port=5"], ["127.0.0.1:5"]],
  [["--ops-listen", "127.0.0.1:9", "--metrics-port", "8"], ["127.0.0.1:9", "127.0.0.1:8"]],
];

Deno.test("the two ports and the addresses of the operations server", async () => {
  for (const [flags, expected] of PORTS) {
    assertEquals((await settingsFor([...HOST, ...flags])).ops.listen, expected, flags.join(" "));
  }
});

Deno.test("the configuration file of the earlier relay is understood", async () => {
  const file = JSON.stringify({
    ssh_host: "gpu",
    max_connections: 100,
    health_check_enabled: true,
    health_check_port: 20080,
    metrics_enabled: true,
    metrics_port: 20090,
    read_timeout: "60s",
    write_timeout: "60s",
  });
  const { ops, limits } = await settingsFor(["--config", "/c.json"], {
    files: { "/c.json": file },
  });
  assertEquals(ops.listen, ["127.0.0.1:20080", "127.0.0.1:20090"]);
  assertEquals([limits.maxConnections, limits.readMs, limits.writeMs], [100, 60_000, 60_000]);
});

Deno.test("commands find each other in the platform's places", () => {
  const folders = (platform: typeof Deno.build.os, home: string, env: Record<string, string>) =>
    runtimeFolders({ platform, home, env });
  const state = "/h/.local/state/remote-docker-agent/run";
  assertEquals(folders("linux", "/h", {}), [state]);
  assertEquals(folders("linux", "/h", { XDG_RUNTIME_DIR: "/run/user/1", XDG_STATE_HOME: "/s" }), [
    "/run/user/1/remote-docker-agent",
    "/s/remote-docker-agent/run",
  ]);
  assertEquals(folders("linux", "/h", { XDG_RUNTIME_DIR: "run", XDG_STATE_HOME: "" }), [state]);
  assertEquals(folders("darwin", "/h", {}), [
    "/h/Library/Application Support/remote-docker-agent/run",
  ]);
  assertEquals(folders("windows", "C:\\U\\d", {}), [
    "C:\\U\\d\\AppData\\Local\\remote-docker-agent\\run",
  ]);
});
