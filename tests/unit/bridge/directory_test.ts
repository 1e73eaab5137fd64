import { ContainerDirectory } from "../../../lib/bridge/directory.ts";
import { BridgeFailure } from "../../../lib/bridge/failure.ts";
import { withinHandshake } from "../../../lib/bridge/tunnel.ts";
import { logger } from "../../../lib/log.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { readUntil, say } from "../../support/duplex.ts";
import { until } from "../../support/poll.ts";

/** An engine that lists one container and counts how often it is asked. */
function engine(name: string) {
  const state = { name, asked: 0, followers: [] as Duplex[] };
  const serveList = async (stream: Duplex) => {
    for (;;) {
      await readUntil(stream, "\r\n\r\n");
      state.asked++;
      const networks = { bridge: { IPAddress: "172.17.0.2" } };
      const list = [{
        Id: "a".repeat(64),
        Names: [`/${state.name}`],
        NetworkSettings: { Networks: networks },
      }];
      const body = JSON.stringify(list);
      await say(stream, `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    }
  };
  const follow = async (stream: Duplex) => {
    await readUntil(stream, "\r\n\r\n");
    await say(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    state.followers.push(stream);
  };
  const connect = (serve: (stream: Duplex) => Promise<void>) => () => {
    const [near, far] = memoryPair();
    serve(far).catch(() => far.close()); // the directory has closed its end
    return Promise.resolve(near);
  };
  return { state, streams: { open: connect(serveList), openWhenUp: connect(follow) } };
}

async function tell({ followers }: { followers: Duplex[] }, action: string): Promise<void> {
  const event = JSON.stringify({ Type: "container", Action: action, Actor: { ID: "a" } }) + "\n";
  const stream = await until("somebody follows", () => followers.at(-1));
  await say(stream, `${event.length.toString(16)}\r\n${event}\r\n`);
}

Deno.test("the engine is asked once, and again after an event", async () => {
  const { state, streams } = engine("web");
  const directory = new ContainerDirectory(streams, logger("test"));
  try {
    await directory.find("web.docker");
    await until("somebody follows", () => state.followers.length > 0);
    // What was answered before anybody followed may be old.
    await until("it is kept", async () => {
      const before = state.asked;
      await directory.find("web.docker");
      return state.asked === before;
    });
    const { asked } = state;
    const many = Array.from({ length: 20 }, () => directory.find("web.docker"));
    assertEquals(
      (await Promise.all(many)).flat().every((address) => address === "172.17.0.2"),
      true,
    );
    assertEquals(state.asked, asked);
    state.name = "other";
    await tell(state, "rename");
    await until("the old name is gone", async () => {
      try {
        await directory.find("web.docker");
        return false;
      } catch (error) {
        return error instanceof BridgeFailure && error.kind === "unreachable";
      }
    });
    assertEquals(await directory.find("other.docker"), ["172.17.0.2"]);
  } finally {
    await directory.close();
  }
});

Deno.test("a handshake that takes too long ends with the stream", async () => {
  const [client] = memoryPair();
  await assertRejects(() => withinHandshake(client, () => client.read(), 1));
  await client.closed;
});
