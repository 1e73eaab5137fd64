import { ReplyError } from "../../../../lib/docker/error_reply.ts";
import { encodeChunk } from "../../../../lib/http/chunked.ts";
import { encodeResponseHead, HeaderList } from "../../../../lib/http/head.ts";
import {
  type Body,
  bodyOf,
  bodyOfPieces,
  type ResponseMessage,
} from "../../../../lib/http/message.ts";
import { withOutput } from "../../../../lib/intercept/resume/missed_output.ts";
import { resume } from "../../../../lib/intercept/resume/resume.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../../support/assert.ts";
import { ask, exchangeOf, type Reply } from "../../../support/onion.ts";

const encode = (text: string) => new TextEncoder().encode(text);

/** What a client gets of an answer to `wait`. */
function told(answer: string, condition: string, isCut: boolean): Promise<string> {
  const output = { isCut: () => isCut, whenHeard: () => Promise.resolve() };
  return readAll(withOutput(bodyOf(encode(answer)), { kind: "close" }, condition, output));
}

async function readAll(body: Body): Promise<string> {
  let text = "";
  for (let piece = await body.read(); piece !== null; piece = await body.read()) {
    text += new TextDecoder().decode(piece.wire);
  }
  return text;
}

Deno.test("an exit with 0 whose output was cut off is an error for who reads the output", async () => {
  const well = '{"StatusCode":0}\n';
  for (const condition of ["next-exit", "removed"]) {
    const { StatusCode, Error } = JSON.parse(await told(well, condition, true));
    assertEquals(StatusCode, 0);
    assertStringIncludes(Error.Message, "not all of it has come");
    assertEquals(await told(well, condition, false), well);
    // Who gets another code knows that something went wrong.
    assertEquals(await told('{"StatusCode":3}\n', condition, true), '{"StatusCode":3}\n');
    const own = '{"Error":{"Message":"m"},"StatusCode":0}\n';
    assertEquals(await told(own, condition, true), own);
    assertEquals(await told("no JSON", condition, true), "no JSON");
  }
  assertEquals(await told(well, "", true), well);
  assertEquals(await told(well, "not-running", true), well);
});

Deno.test("an exit waits for the end of the output, and what is known of it then counts", async () => {
  const hearing = Promise.withResolvers<void>();
  let isCut = false;
  const output = { isCut: () => isCut, whenHeard: () => hearing.promise };
  const answer = bodyOf(encode('{"StatusCode":0}\n'));
  const body = withOutput(answer, { kind: "close" }, "next-exit", output);
  let isThere = false;
  const piece = body.read().then((read) => {
    isThere = true;
    return read;
  });
  // More turns than all the promises on the way take.
  for (let turn = 0; turn < 100; turn++) await Promise.resolve();
  assertEquals(isThere, false);
  isCut = true;
  hearing.resolve();
  assertStringIncludes(new TextDecoder().decode((await piece)?.wire), "not all of it has come");
});

Deno.test("through the layer, the exit waits for who is attached and the way may end silently", async () => {
  for (const [endSilently, waits] of [[true, true], [false, false]] as const) {
    const connection = { streams: { endSilently } };
    const layer = resume(() => connection);
    const attach = exchangeOf("POST /containers/web/attach?stream=1");
    await layer(attach, () => Promise.resolve(chunked("")));
    attach.fate?.begun();
    const wait = exchangeOf("POST /containers/web/wait?condition=next-exit");
    const answer = await layer(wait, () => Promise.resolve(chunked('{"StatusCode":0}\n')));
    let isThere = false;
    const read = answer.body.read().then(() => isThere = true);
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    assertEquals(isThere, !waits);
    attach.fate?.over();
    assertEquals(await read, true);
  }
});

function chunked(text: string): ResponseMessage {
  const data = encode(text);
  const head = { version: "1.1", status: 200, reason: "", headers: new HeaderList() } as const;
  return {
    head: { ...head, raw: encodeResponseHead(head) },
    framing: { kind: "chunked" },
    body: bodyOfPieces([{ wire: encodeChunk(data), data: [data] }]),
  };
}

Deno.test("an answer to a wait that has no end is not kept", async () => {
  const output = { isCut: () => true, whenHeard: () => Promise.resolve() };
  const mebibyte = new Uint8Array(1024 * 1024).fill(0x20);
  const read = (...pieces: Uint8Array[]) => {
    const body = bodyOfPieces(pieces.map((wire) => ({ wire, data: [wire] })));
    return readAll(withOutput(body, { kind: "close" }, "next-exit", output));
  };
  assertEquals((await read(mebibyte)).length, mebibyte.length);
  await assertRejects(() => read(mebibyte, encode(" ")), Error, "too long");
});

/** An exec that has ended like this, and what its inspection says then. */
async function inspected(end: "cut" | "seeming" | undefined, reply: Reply): Promise<Reply> {
  const connection = { streams: { endSilently: true } };
  const layer = resume(() => connection);
  const start = exchangeOf("POST /exec/1/start");
  await layer(start, () => Promise.resolve(chunked("")));
  if (end === "cut") start.fate?.lost();
  // Too young to be asked about.
  if (end === "seeming") assertEquals(await start.fate?.isCut(1), false);
  return await ask([layer], () => reply, "GET /exec/1/json");
}

Deno.test("an exec whose stream has ended too early is not one that has ended well", async () => {
  const running = { status: 200, body: { Running: true, ExitCode: null } };
  const well = { status: 200, body: { Running: false, ExitCode: 0 } };
  const failed = { status: 200, body: { Running: false, ExitCode: 3 } };
  const gone = { status: 404, body: { message: "gone" } };
  const refused: [end: "cut" | "seeming", reply: Reply, words: string][] = [
    ["cut", running, "it may still be running"],
    ["seeming", running, "it may still be running"],
    ["cut", well, "before all output of the command had come"],
  ];
  for (const [end, reply, words] of refused) {
    await assertRejects(() => inspected(end, reply), ReplyError, words);
  }
  for (const reply of [running, well, failed, gone]) {
    assertEquals(await inspected(undefined, reply), reply);
  }
  assertEquals(await inspected("seeming", well), well);
  for (const reply of [failed, gone]) assertEquals(await inspected("cut", reply), reply);
});
