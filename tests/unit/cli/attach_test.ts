import { attach } from "../../../lib/cli/commands/attach.ts";
import type { LocalStreams } from "../../../lib/cli/local_streams.ts";
import { AgentError } from "../../../lib/errors.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import type { GuestProcess } from "../../../lib/transport/guest/exec.ts";
import type { ExitReport, TerminalSize } from "../../../lib/transport/guest/exec_frames.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";
import { testSystem } from "../../support/command_line.ts";
import { bytes, readAll, say, text } from "../../support/duplex.ts";

interface Bench {
  streams: LocalStreams;
  system: ReturnType<typeof testSystem>;
  process: GuestProcess;
  /** What the command sees. */
  far: ReturnType<typeof memoryPair>[1];
  /** Ends the command. */
  end: (report: ExitReport) => Promise<void>;
  events: string[];
  resize: () => void;
}

function bench(options: { framed?: boolean; stdin?: string; deaf?: boolean } = {}): Bench {
  const { framed = true, stdin, deaf = false } = options;
  const [near, far] = memoryPair();
  const events: string[] = [];
  const exit = Promise.withResolvers<ExitReport>();
  let size: TerminalSize = { cols: 80, rows: 24 };
  let resized = () => {};
  let given = stdin === undefined ? undefined : bytes(stdin);
  const never = new Promise<never>(() => {});
  return {
    far,
    events,
    system: testSystem(),
    end: async (report) => {
      exit.resolve(report);
      await far.closeWrite();
    },
    resize: () => {
      size = { cols: 101, rows: 33 };
      resized();
    },
    process: {
      framed,
      stdio: near,
      exit: exit.promise,
      resize: ({ cols, rows }) => Promise.resolve(void events.push(`size ${cols}x${rows}`)),
      signal: (name) => Promise.resolve(void events.push(name)),
    },
    streams: {
      inIsTerminal: true,
      read() {
        if (given === undefined) return never;
        const chunk = given.length === 0 ? null : given;
        given = new Uint8Array(0);
        return Promise.resolve(chunk);
      },
      out: (chunk) => {
        if (deaf) return Promise.reject(new Deno.errors.BrokenPipe());
        return Promise.resolve(void events.push(`out ${text(chunk)}`));
      },
      err: () => Promise.resolve(),
      setRaw: (raw) => void events.push(raw ? "raw" : "cooked"),
      size: () => size,
      onResize: (handler) => {
        resized = handler;
        return () => void events.push("resize forgotten");
      },
    },
  };
}

Deno.test("input and output are joined, and the status is the command's", async () => {
  const { process, streams, system, far, end, events } = bench({ stdin: "in" });
  const attached = attach(process, { tty: false }, streams, system);
  assertEquals(await readAll(far), "in");
  await say(far, "out");
  await end({ code: 7 });
  assertEquals(await attached, 7);
  assertEquals(events, ["out out"]);
  assertEquals(system.handlers(), 0);
});

Deno.test("a terminal is raw while the command runs, and its size follows", async () => {
  const { process, streams, system, end, events, resize } = bench();
  const attached = attach(process, { tty: true }, streams, system);
  resize();
  await end({ signal: "SIGHUP" });
  assertEquals(await attached, 129);
  assertEquals(events, ["raw", "size 101x33", "cooked", "resize forgotten"]);
});

Deno.test("the first signal is the command's, the second one ends", async () => {
  const { process, streams, system, events } = bench();
  const attached = attach(process, { tty: false }, streams, system);
  system.signal("SIGINT");
  system.signal("SIGTERM");
  assertEquals(events, ["SIGINT", "SIGTERM"]);
  system.signal("SIGTERM");
  assertEquals(await attached, 143);
});

Deno.test("without frames a signal ends, and the status is taken for 0", async () => {
  const one = bench({ framed: false });
  const attached = attach(one.process, { tty: false }, one.streams, one.system);
  one.system.signal("SIGINT");
  assertEquals(await attached, 130);
  assertEquals(one.events, []);
  const other = bench({ framed: false });
  const ended = attach(other.process, { tty: false }, other.streams, other.system);
  await other.end({ error: "not known" });
  assertEquals(await ended, 0);
});

Deno.test("a reader who leaves is a broken pipe", async () => {
  const { process, streams, system, far } = bench({ deaf: true });
  const attached = attach(process, { tty: false }, streams, system);
  await say(far, "out");
  assertEquals(await attached, 141);
});

Deno.test("a lost command is an error, and the terminal is given back", async () => {
  const { process, streams, system, end, events } = bench();
  const attached = assertRejects(
    () => attach(process, { tty: true }, streams, system),
    AgentError,
    "Lost the command: gone",
  );
  await end({ error: "gone" });
  await attached;
  assertEquals(events, ["raw", "cooked", "resize forgotten"]);
});
