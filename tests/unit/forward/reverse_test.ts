import { AgentError } from "../../../lib/errors.ts";
import { parseReverse, ReverseForward } from "../../../lib/forward/reverse.ts";
import { LISTENING, reverseCommand } from "../../../lib/forward/reverse_script.ts";
import type { Transport } from "../../../lib/transport/transport.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";
import { collectLog } from "../../support/log.ts";
import { until } from "../../support/poll.ts";
import { answerAfterEnd, LOOPBACK, readAll, server, writeText } from "./support.ts";
import { freePort } from "../../support/free_ports.ts";

Deno.test("a name for containers, and a port of this machine", () => {
  assertEquals(parseReverse("host.docker.internal:3000"), {
    name: "host.docker.internal",
    port: 3000,
  });
  assertEquals(parseReverse("me:1"), { name: "me", port: 1 });
  const bad = ["", "3000", ":3000", "host:", "host:0", "host:65536", "ho st:80", "-a:80", "a_b:80"];
  for (const text of bad) assertThrows(() => parseReverse(text), AgentError, "not NAME:PORT");
});

/** A transport whose guest is not there until told so, and what has been asked of it. */
function lateGuest() {
  const listeners = new Set<() => void>();
  const ended = Promise.withResolvers<void>();
  const state = { looks: 0, there: false };
  const nobody = () => Promise.reject(new AgentError("engine", "not asked for"));
  const transport: Transport = {
    description: "mtls://gpu",
    open: nobody,
    closed: ended.promise.then(() => undefined),
    close: () => ended.resolve(),
    look: () => Promise.resolve(void state.looks++),
    get limits() {
      return state.there ? undefined : "there is no guest";
    },
    get listen() {
      if (!state.there) return undefined;
      return ({ port }: { port: number }) =>
        Promise.resolve({ port, closed: ended.promise, close: () => Promise.resolve() });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
  const come = () => {
    state.there = true;
    for (const listener of [...listeners]) listener();
  };
  return { transport, state, come, listeners };
}

/** It would not try again by itself within a day. */
function waitingForward(transport: Transport) {
  const { log, lines } = collectLog();
  const forward = new ReverseForward({
    target: { name: "host.docker.internal", port: 3000 },
    nextTransport: () => Promise.resolve(transport),
    bridgeAddress: () => Promise.resolve("172.17.0.1"),
    firstRetryMs: 86_400_000,
    log,
  });
  const said = (part: string) => lines.filter(({ message }) => message.includes(part)).length;
  return { forward, said };
}

Deno.test("a port for containers is there as soon as the guest is known to be", async () => {
  const { transport, come, listeners } = lateGuest();
  const { forward, said } = waitingForward(transport);
  forward.start();
  await until("it has been tried", () => said("there is no guest") === 1);
  come();
  await until("containers reach it", () => said("Containers reach") === 1);
  assertEquals(forward.snapshot().remote, { host: "172.17.0.1", port: 3000 });
  await forward.close();
  assertEquals(listeners.size, 0);
});

Deno.test("who is about to need a port for containers has it tried again, and told of once", async () => {
  const { transport, state } = lateGuest();
  const { forward, said } = waitingForward(transport);
  forward.start();
  for (let attempt = 1; attempt <= 3; attempt++) {
    await until("it has been tried", () => state.looks === attempt);
    forward.hurry();
  }
  assertEquals(said("there is no guest"), 1);
  state.there = true;
  forward.hurry();
  await until("containers reach it", () => said("Containers reach") === 1);
  await forward.close();
});

for (const interpreter of ["python3", "perl"]) {
  Deno.test({
    name: `the ${interpreter} program passes connections on, and ends with its input`,
    ignore: !has(interpreter),
    async fn() {
      await using backend = server(answerAfterEnd);
      const port = freePort();
      // The command takes the first interpreter it finds; a PATH with one of them decides.
      const tools = await Deno.makeTempDir();
      for (const name of ["sh", interpreter]) await Deno.symlink(where(name), `${tools}/${name}`);
      const child = new Deno.Command("sh", {
        args: ["-c", reverseCommand(LOOPBACK, port, backend.port)],
        env: { PATH: tools },
        stdin: "piped",
        stdout: "piped",
        stderr: "inherit",
      }).spawn();
      try {
        const reader = child.stdout.getReader();
        const { value } = await reader.read();
        assertEquals(new TextDecoder().decode(value).trim(), LISTENING);
        const answers = await Promise.all(["one", "two", "three"].map(async (text) => {
          using client = await Deno.connect({ hostname: LOOPBACK, port });
          await writeText(client, text);
          await client.closeWrite();
          return await readAll(client);
        }));
        assertEquals(answers, ["got one", "got two", "got three"]);
        await reader.cancel();
      } finally {
        await child.stdin.close();
        await child.status;
        await Deno.remove(tools, { recursive: true });
      }
    },
  });
}

function has(program: string): boolean {
  return where(program) !== "";
}

/** The program itself, not a wrapper of a version manager, which would need more tools. */
function where(program: string): string {
  for (const directory of ["/usr/bin", "/bin", "/usr/local/bin"]) {
    try {
      return Deno.realPathSync(`${directory}/${program}`);
    } catch {
      // not in this directory
    }
  }
  return "";
}
