/** Published UDP ports: with an interpreter on the remote host, and the warning without one. */
import { createSocket } from "node:dgram";
import { assertEquals, assertMatch } from "../support/assert.ts";
import { uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";
import { freePort } from "../support/free_ports.ts";
import { until } from "../support/poll.ts";
import { cleanup, portLines } from "../support/published.ts";

const test = await endToEnd();
const agentOnly = true;
const LOOPBACK = "127.0.0.1";

/** Asks once; nothing if no answer comes within `timeoutMs`. */
async function ask(port: number, text: string, timeoutMs = 3_000): Promise<string | undefined> {
  const socket = createSocket("udp4");
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  // A refusal comes as an error, and is no answer either.
  socket.on("error", () => resolve(undefined));
  socket.on("message", (data) => resolve(data.toString()));
  const timer = setTimeout(() => resolve(undefined), timeoutMs);
  socket.send(text, port, LOOPBACK);
  const answer = await promise;
  clearTimeout(timer);
  await new Promise<void>((done) => socket.close(() => done()));
  return answer;
}

test("-p 7:7/udp echoes, and again after a restart", { agentOnly }, async ({ docker, rig }) => {
  await rig.verb("image-udp");
  await rig.verb("perl");
  const [name, port] = [uniqueName("echo"), freePort()];
  await using _ = cleanup(docker, [name]);
  try {
    const run = ["run", "-d", "--name", name, "-p", `${port}:7/udp`, "bb:udp"];
    const { code, stderr } = await docker.run(run);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(await until("an answer", () => ask(port, "one")), "echo one");
    assertMatch(await docker.ok(["port", name]), portLines("7/udp", port));
    await docker.ok(["restart", "-t", "0", name]);
    assertEquals(await until("an answer", () => ask(port, "two")), "echo two");
  } finally {
    await rig.verb("no-perl");
  }
});

test("UDP without an interpreter, and SCTP, are warned of", { agentOnly }, async ({ docker }) => {
  const name = uniqueName("mute");
  await using _ = cleanup(docker, [name]);
  const [udp, sctp] = [freePort(), freePort()];
  const publish = ["-p", `${udp}:7/udp`, "-p", `${sctp}:9/sctp`];
  const { code, stderr } = await docker.run(["create", "--name", name, ...publish, "bb", "true"]);
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /WARNING: .*7\/udp.* neither python3 nor perl/);
  assertMatch(stderr, /WARNING: .*9\/sctp.* SCTP is not forwarded/);
});
