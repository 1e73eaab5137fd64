import { renderStatus, runStatus } from "../../../lib/cli/commands/status.ts";
import { AgentError } from "../../../lib/errors.ts";
import { Metrics } from "../../../lib/ops/metrics/metrics.ts";
import { type Status, statusOf } from "../../../lib/ops/status.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../support/assert.ts";
import { testSystem } from "../../support/command_line.ts";
import { HOST, testSource } from "../ops/source.ts";

const ONCE = { json: false, watch: false };

function statusWith(more: Partial<Status> = {}): Status {
  const metrics = new Metrics();
  metrics.received(1_500_000);
  metrics.answered("ContainerList", 200, 12);
  return { ...statusOf(testSource({ metrics })), pid: 42, ...more };
}

const asking = (...found: Status[]) => () => Promise.resolve(found);

Deno.test("a program is described line by line", () => {
  const forwards = [{
    local: "127.0.0.1:80/tcp",
    target: "web:80/tcp",
    state: "live",
    connections: 0,
  }];
  const listening = ["tcp://127.0.0.1:2375", "unix:///run/d.sock"];
  assertEquals(renderStatus(statusWith({ uptime: "5m30s", listening, forwards })).split("\n"), [
    "remote-docker-agent 1.2.3 (start, process 42): healthy, up 5m30s",
    "  Listening on  tcp://127.0.0.1:2375",
    "                unix:///run/d.sock",
    "  Host          ssh://dev@gpu:22 is up since 2025-01-16T10:30:00.000Z, " +
    "round trip 12.5 ms, reconnected 2 times",
    "  Connections   0 active, 0 waiting, 0 served, at most 100 at a time",
    "  Transferred   1.5 MB from clients, 0 B to them",
    "  Errors        3 (3 connection, 0 socket)",
    "  Requests      ContainerList: 1, average 12 ms, 95 % within 24.25 ms",
    "  Port          127.0.0.1:80/tcp to web:80/tcp, live",
    "",
  ]);
});

Deno.test("a host without a guest says what that means", () => {
  const hosts = [{ ...HOST, limits: "the gateway leads to Docker only" }];
  const expected = "times; ports wait for a guest: the gateway leads to Docker only\n";
  assertStringIncludes(renderStatus(statusWith({ hosts })), expected);
});

Deno.test("what a peer said cannot move the cursor", () => {
  const hosts = [{ ...HOST, last_error: "bad\x1b[2J\nthing" }];
  assertStringIncludes(renderStatus(statusWith({ hosts })), "last error: bad\\u001b[2J\\nthing\n");
});

Deno.test("the exit code tells healthy, degraded and not there apart", async () => {
  const healthy = statusWith(), degraded = statusWith({ status: "degraded", problems: ["down"] });
  assertEquals(await runStatus(ONCE, testSystem(), asking(healthy)), 0);
  const system = testSystem();
  assertEquals(await runStatus(ONCE, system, asking(healthy, degraded)), 8);
  assertEquals(system.stdout().match(/^remote-docker-agent/gm)?.length, 2);
  assertStringIncludes(system.stdout(), "  Problem       down\n");
  await assertRejects(() => runStatus(ONCE, testSystem(), asking()), AgentError, "is running");
});

Deno.test("JSON is an array, also of nothing", async () => {
  const system = testSystem();
  const json = { json: true, watch: false };
  await runStatus(json, system, asking(statusWith()));
  assertEquals(JSON.parse(system.stdout()).map(({ pid }: Status) => pid), [42]);
  const empty = testSystem();
  await assertRejects(() => runStatus(json, empty, asking()), AgentError);
  assertEquals(JSON.parse(empty.stdout()), []);
});

Deno.test("watching goes on without programs and ends with a signal", async () => {
  const system = testSystem();
  const watching = runStatus({ json: false, watch: true }, system, asking());
  await system.announced;
  system.signal("SIGINT");
  assertEquals(await watching, 0);
  assertEquals(system.stdout(), "No remote-docker-agent is running for this user.\n");
  assertEquals(system.handlers(), 0);
});
