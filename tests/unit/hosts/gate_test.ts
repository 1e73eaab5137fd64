import { Gate, type GateOptions } from "../../../lib/hosts/gate.ts";
import { AgentError } from "../../../lib/errors.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { Proxy } from "../../../lib/proxy/proxy.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../support/assert.ts";

function testGate(options: Partial<GateOptions>) {
  const proxy = new Proxy({
    mode: "http",
    warm: 0,
    interceptors: [],
    open: () => Promise.reject(new Error("not asked for")),
  });
  const gate = new Gate({
    mode: "http",
    connected: () => Promise.resolve(),
    assemble: () => Promise.resolve(proxy),
    ...options,
  });
  return { gate, proxy };
}

/** Asks a proxy one question, and returns the beginning of the answer. */
async function ask(proxy: Proxy): Promise<string> {
  const [client, server] = memoryPair();
  const serving = proxy.serve(server, { remote: "test" });
  await client.write(new TextEncoder().encode("GET /info HTTP/1.1\r\nHost: docker\r\n\r\n"));
  let answer = "";
  while (!answer.includes("}")) {
    answer += new TextDecoder().decode(await client.read() || undefined);
  }
  client.close();
  await serving;
  return answer;
}

Deno.test("clients that come before the first connection wait for it", async () => {
  const { gate, proxy } = testGate({});
  const early = gate.proxy();
  await gate.open();
  assert(await early === proxy && await gate.proxy() === proxy);
  await gate.close();
});

Deno.test("clients of a host that is away are told why", async () => {
  const away = new AgentError("lost", "The remote host is not connected");
  const { gate, proxy } = testGate({ connected: () => Promise.reject(away) });
  const refusing = await gate.proxy();
  assert(refusing !== proxy);
  const answer = await ask(refusing);
  assertStringIncludes(answer, "HTTP/1.1 503");
  assertStringIncludes(answer, "The remote host is not connected");
  await gate.close();
});

Deno.test("where the proxy cannot be made, clients are told why as well", async () => {
  const broken = new AgentError("engine", "Cannot forward");
  const { gate } = testGate({ assemble: () => Promise.reject(broken) });
  await assertRejects(() => gate.open(), AgentError, "Cannot forward");
  assertStringIncludes(await ask(await gate.proxy()), "Cannot forward");
  await gate.close();
});

Deno.test("nobody waits at a gate that is closed", async () => {
  const { gate, proxy } = testGate({});
  const waiting = gate.proxy();
  await gate.close();
  assertEquals(await waiting === proxy, false);
});
