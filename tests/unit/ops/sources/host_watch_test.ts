import { AgentError } from "../../../../lib/errors.ts";
import { configureLogging } from "../../../../lib/log.ts";
import { memoryPair } from "../../../../lib/net/memory.ts";
import { HostWatch } from "../../../../lib/ops/sources/host_watch.ts";
import { Supervisor } from "../../../../lib/transport/supervisor.ts";
import type { Transport } from "../../../../lib/transport/transport.ts";
import { assert, assertEquals } from "../../../support/assert.ts";
import { until } from "../../../support/poll.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const BACKOFF = { firstMs: 1, maxMs: 1, stableMs: 1_000_000, leastMs: 1 };

/** A host that connects as long as it is not told to fail. */
function testHost() {
  const transports: { lose(error?: Error): void; opened: number }[] = [];
  let failure: Error | undefined;
  const connect = (): Promise<Transport> => {
    if (failure !== undefined) return Promise.reject(failure);
    const { promise, resolve } = Promise.withResolvers<Error | undefined>();
    const seen = { lose: resolve, opened: 0 };
    transports.push(seen);
    return Promise.resolve({
      description: "ssh://dev@gpu:22",
      open: () => {
        seen.opened++;
        return Promise.resolve(memoryPair()[0]);
      },
      closed: promise,
      close: () => resolve(undefined),
    });
  };
  const supervisor = new Supervisor({ connect, backoff: BACKOFF, random: () => 0 });
  const watch = new HostWatch("gpu", supervisor);
  return { supervisor, watch, transports, failWith: (error?: Error) => failure = error };
}

Deno.test("a host is connecting, up, lost with its reason, and up again", async () => {
  const { supervisor, watch, transports, failWith } = testHost();
  assertEquals([watch.status().name, watch.status().state], ["gpu", "connecting"]);
  await supervisor.start();
  assertEquals([watch.status().name, watch.status().state], ["ssh://dev@gpu:22", "up"]);

  failWith(new AgentError("unreachable", "No route"));
  transports[0]!.lose(new Error("The link is gone"));
  const down = await until("attempts fail", () => {
    const status = watch.status();
    return status.failed_attempts >= 2 && status;
  }, { everyMs: 1 });
  assert(down.state !== "up");
  assertEquals([down.losses, down.reconnects, down.last_error], [1, 0, "No route"]);
  assertEquals(down.rtt_ms, null);

  failWith(undefined);
  await until("it is up again", () => watch.status().state === "up", { everyMs: 1 });
  assertEquals(watch.status().reconnects, 1);
  watch.close();
  await supervisor.close();
});

Deno.test("the round trip is measured when asked for, and not too often", async () => {
  const { supervisor, watch, transports } = testHost();
  await watch.measure();
  assertEquals(watch.status().rtt_ms, null);
  await supervisor.start();
  assertEquals(transports[0]!.opened, 0, "nobody has asked");
  await Promise.all([watch.measure(), watch.measure()]);
  await watch.measure();
  assertEquals(transports[0]!.opened, 1);
  assert((watch.status().rtt_ms ?? -1) >= 0);
  watch.close();
  await supervisor.close();
});
