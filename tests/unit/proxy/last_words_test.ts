import { AgentError, isLostError } from "../../../lib/errors.ts";
import type { Duplex } from "../../../lib/net/duplex.ts";
import { memoryPair } from "../../../lib/net/memory.ts";
import { SpokenFor } from "../../../lib/proxy/last_words.ts";
import { announcedForm, FormTracker } from "../../../lib/proxy/stream_form.ts";
import { readAll, readUntil, say } from "../../support/duplex.ts";
import { bench, passing } from "../../support/engine.ts";
import { assertEquals, assertMatch } from "../../support/assert.ts";

const RAW = "application/vnd.docker.raw-stream";
const FRAMES = "application/vnd.docker.multiplexed-stream";
const FRAME = new Uint8Array([1, 0, 0, 0, 0, 0, 0, 2, 65, 66]);
const encode = (text: string) => new TextEncoder().encode(text);

Deno.test("the type of an answer is believed from API 1.42 on", () => {
  assertEquals(announcedForm(FRAMES, "1.41"), "frames");
  assertEquals(announcedForm(RAW, "1.42"), "text");
  assertEquals(announcedForm(RAW, "1.51"), "text");
  assertEquals(announcedForm(RAW, "1.41"), "unknown");
  assertEquals(announcedForm(RAW, undefined), "unknown");
  assertEquals(announcedForm(undefined, "1.51"), "unknown");
});

Deno.test("the bytes tell frames from text, and where a frame ends, however they come", () => {
  const at = (bytes: Uint8Array) => {
    const tracker = new FormTracker("unknown");
    for (const byte of bytes) tracker.push(new Uint8Array([byte]));
    return tracker.form;
  };
  assertEquals(at(new Uint8Array()), "silent");
  for (let length = 1; length < FRAME.length; length++) {
    assertEquals(at(FRAME.subarray(0, length)), "unknown", `${length} bytes`);
  }
  assertEquals(at(FRAME), "frames");
  assertEquals(at(new Uint8Array([...FRAME, ...FRAME])), "frames");
  assertEquals(at(encode("$ ")), "text");
  assertEquals(at(new Uint8Array([1, 27])), "text");
  assertEquals(new FormTracker("frames").form, "frames");
});

/** What a reader gets of a stream that ends, or is lost, after `sent`. */
async function read(sent: Uint8Array, gone: boolean): Promise<string> {
  const [near, far] = memoryPair();
  const lost = () => Promise.reject(new AgentError("lost", "Lost the connection"));
  const engine = {
    ...passing(near),
    read: async () => await near.read() ?? (gone ? lost() : null),
  };
  const stream = new SpokenFor(engine, { form: "unknown" });
  await far.write(sent);
  await far.closeWrite();
  const text = await textOf(stream);
  near.close();
  far.close();
  return text;
}

/** All that comes, with "!" for an end that is none. */
async function textOf(stream: Duplex): Promise<string> {
  let text = "";
  try {
    for (let chunk = await stream.read(); chunk !== null; chunk = await stream.read()) {
      text += new TextDecoder().decode(chunk);
    }
    return text;
  } catch (error) {
    assertEquals(isLostError(error), true);
    return `${text}!`;
  }
}

Deno.test("a stream whose connection was lost ends with a word, another one without", async () => {
  assertEquals(await read(encode("$ ls"), false), "$ ls");
  assertMatch(await read(encode("$ ls"), true), /^\$ ls\r\nremote-docker-agent: .* was lost.*!$/s);
  // Engines before API 1.42 do not say what will come; silence is not to look like a good end.
  // deno-lint-ignore no-control-regex
  assertMatch(await read(new Uint8Array(), true), /^\x02\0\0\0.{4}remote-docker-agent: .*\n!$/s);
  // Standard error, by the first byte of the frame.
  // deno-lint-ignore no-control-regex
  assertMatch(await read(FRAME, true), /AB\x02\0\0\0.{4}remote-docker-agent: .*\n!$/s);
  assertEquals(await read(FRAME.subarray(0, 9), true), "\x01\0\0\0\0\0\0\x02A!");
});

Deno.test("an end within a frame is none, and what is asked decides about the others", async () => {
  assertEquals(await read(FRAME.subarray(0, 9), false), "\x01\0\0\0\0\0\0\x02A!");
  for (
    const [goesOn, input, expected] of [
      [true, "", /^AB\n.*was lost.*!$/s],
      [false, "", /^AB\n$/],
      // Ctrl-P Ctrl-Q detaches.
      [true, "\x10\x11", /^AB\n$/],
      [true, "exit\r", /^AB\n.*was lost.*!$/s],
    ] as const
  ) {
    const [near, far] = memoryPair();
    const told: string[] = [];
    const stream = new SpokenFor(near, {
      form: "text",
      fate: {
        begun: () => void told.push("begun"),
        over: () => void told.push("over"),
        isCut: () => Promise.resolve(goesOn),
        lost: () => void told.push("lost"),
      },
    });
    if (input !== "") await stream.write(encode(input));
    await far.write(encode("AB\n"));
    await far.closeWrite();
    assertMatch(await textOf(stream), expected);
    // At the end of what comes, whether or not the client has ended its own direction.
    const isLost = expected.source.includes("lost");
    assertEquals(told, ["begun", isLost ? "lost" : "over"]);
    stream.close();
    assertEquals(told.at(-1), "over");
    near.close();
    far.close();
  }
});

Deno.test("a stream that is left says that the program ends", async () => {
  const [near, far] = memoryPair();
  const stream = new SpokenFor(near, { form: "frames" });
  await far.write(FRAME);
  const text = textOf(stream);
  stream.leave();
  // deno-lint-ignore no-control-regex
  assertMatch(await text, /AB\x02\0\0\0.{4}remote-docker-agent: .*shutting down.*\n!$/s);
  far.close();
});

Deno.test("only what somebody reads ends with a word: no HTTP/2, no WebSocket", async () => {
  const table = [
    ["POST /v1.51/exec/1/start", true],
    ["POST /v1.51/containers/a/attach?stream=1", true],
    ["GET /v1.51/containers/a/attach/ws", false],
    ["POST /v1.51/grpc", false],
    ["POST /session", false],
  ] as const;
  for (const [line, isTold] of table) {
    const b = bench();
    const client = b.connect();
    await say(client, `${line} HTTP/1.1\r\nHost: d\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n`);
    const engine = await b.accept();
    await readUntil(engine, "\r\n\r\n");
    const type = isTold ? `Content-Type: ${RAW}\r\n` : "";
    await say(
      engine,
      `HTTP/1.1 101 UPGRADED\r\n${type}Connection: Upgrade\r\nUpgrade: x\r\n\r\nbytes`,
    );
    await readUntil(client, "bytes");
    b.lose(engine, new AgentError("lost", "Lost the connection"));
    const rest = await readAll(client);
    assertEquals([line, rest.includes("was lost")], [line, isTold]);
    if (!isTold) assertEquals(rest, "");
    await b.end();
  }
});
