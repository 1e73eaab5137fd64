/**
 * What the agent asks the engine about files: requests and answers whose bodies are streams, such as
 * archives. Connections are kept open between requests that have no stream to send. The maker closes it.
 */
import { AgentError, isClosedError, messageOf } from "../errors.ts";
import type { ResponseHead } from "../http/head.ts";
import { collect, isInterim, type ResponseMessage, staysOpen } from "../http/message.ts";
import type { Duplex } from "../net/duplex.ts";
import { type EngineConnection, EngineConnections, type OpenEngine } from "./engine_connections.ts";
import { encodeJson, isObject, type Json, parseJson } from "./json_body.ts";
import { ownRequest } from "./own_request.ts";

/** Bytes of an answer that is no stream. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
/** Connections kept open between requests. */
const MAX_IDLE = 4;
const encoder = new TextEncoder();
const LINE_END = encoder.encode("\r\n");

/** What is asked. */
export interface EngineCall {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  readonly path: string;
  readonly json?: Json;
  /** Writes a body of type `application/x-tar`. */
  readonly send?: (to: Pick<Duplex, "write">) => Promise<void>;
  readonly signal?: AbortSignal | undefined;
}

/** How it was answered. */
export interface EngineReply<T> {
  readonly status: number;
  /** What `receive` made of a body with status 200. */
  readonly value: T | undefined;
  /** The words of the engine, where the status is an error. */
  readonly message: string;
  readonly head: ResponseHead;
}

/** See the file comment. */
export class EngineCalls {
  readonly #connections: EngineConnections;

  constructor(open: OpenEngine) {
    this.#connections = new EngineConnections(open, MAX_IDLE);
  }

  /** Asks for JSON; nothing where the answer has none. Throws like {@link call}. */
  async json(call: EngineCall): Promise<EngineReply<Json>> {
    return await this.call(call, async (read) => {
      const body = { read: async () => await pieceOf(read) };
      const bytes = await collect(body, MAX_ANSWER_BYTES);
      return bytes.length === 0 ? null : parseJson(bytes);
    });
  }

  /**
   * Asks; `receive` reads the body of a good answer, as far as it likes. Throws `AgentError` of kind
   * `lost` when there is no answer, and what `send` or `receive` threw.
   */
  async call<T>(
    call: EngineCall,
    receive: (read: () => Promise<Uint8Array | null>) => Promise<T>,
  ): Promise<EngineReply<T>> {
    for (;;) {
      call.signal?.throwIfAborted();
      const kept = call.send === undefined ? this.#connections.take() : undefined;
      const connection = kept ?? await this.#connections.connect(call.signal);
      const run = new Run(connection, call);
      const abort = () => connection.stream.close();
      call.signal?.addEventListener("abort", abort, { once: true });
      try {
        const { reply, isReusable } = await run.exchange(receive);
        if (isReusable) this.#connections.keep(connection);
        else connection.stream.close();
        return reply;
      } catch (error) {
        connection.stream.close();
        call.signal?.throwIfAborted();
        if (kept !== undefined && !run.isAnswered) continue;
        throw error;
      } finally {
        call.signal?.removeEventListener("abort", abort);
      }
    }
  }

  /** Closes the kept connections, and from now on each one after its answer. */
  close(): void {
    this.#connections.close();
  }
}

async function pieceOf(read: () => Promise<Uint8Array | null>) {
  const data = await read();
  return data && { wire: data, data: [data] };
}

/** One request on a connection. */
class Run {
  isAnswered = false;
  readonly #connection: EngineConnection;
  readonly #call: EngineCall;

  constructor(connection: EngineConnection, call: EngineCall) {
    this.#connection = connection;
    this.#call = call;
  }

  async exchange<T>(receive: (read: () => Promise<Uint8Array | null>) => Promise<T>) {
    const { parser, stream } = this.#connection;
    parser.expect(this.#call.method);
    const sending = this.#send().then(() => undefined, (error: unknown) => ({ error }));
    let answer: ResponseMessage;
    try {
      answer = await this.#answer();
    } catch (error) {
      stream.close();
      const failure = await sending;
      throw failure === undefined || isClosedError(failure.error) ? error : failure.error;
    }
    const { head, body } = answer;
    const read = reader(body);
    const isGood = head.status >= 200 && head.status < 300;
    const value = isGood ? await receive(read) : undefined;
    const message = isGood ? "" : messageIn(await collect(body, MAX_ANSWER_BYTES));
    if (isGood) { while (await read() !== null); }
    // An engine that refuses stops reading: what was left to be sent does not matter then.
    if (!isGood) stream.close();
    const failure = await sending;
    if (isGood && failure !== undefined) throw failure.error;
    const isReusable = isGood && staysOpen(answer);
    return { reply: { status: head.status, value, message, head }, isReusable };
  }

  async #send(): Promise<void> {
    const { stream } = this.#connection;
    const { method, path, json, send } = this.#call;
    if (send === undefined) {
      const bytes = json === undefined ? undefined : encodeJson(json);
      const fields = method === "POST" || method === "PUT"
        ? [`Content-Length: ${bytes?.length ?? 0}`, "Content-Type: application/json"]
        : [];
      await stream.write(ownRequest(method, path, fields));
      if (bytes !== undefined) await stream.write(bytes);
      return;
    }
    const fields = ["Content-Type: application/x-tar", "Transfer-Encoding: chunked"];
    await stream.write(ownRequest(method, path, fields));
    try {
      await send({ write: (chunk) => writeChunk(stream, chunk) });
    } catch (error) {
      // The engine must see a broken body, not a short one that looks whole.
      stream.close();
      throw error;
    }
    await stream.write(encoder.encode("0\r\n\r\n"));
  }

  async #answer(): Promise<ResponseMessage> {
    const { stream } = this.#connection;
    const { method, path } = this.#call;
    try {
      for (;;) {
        const event = await stream.next();
        if (event === null) throw new Error("the connection ended");
        if (event.type !== "head" || isInterim(event.head)) continue;
        this.isAnswered = true;
        return { head: event.head, framing: event.framing, body: stream.body() };
      }
    } catch (cause) {
      const message = `No answer from the engine to ${method} ${path.split("?", 1)[0]}`;
      throw new AgentError("lost", `${message}: ${messageOf(cause)}`, { cause });
    }
  }
}

async function writeChunk(to: Pick<Duplex, "write">, chunk: Uint8Array): Promise<void> {
  if (chunk.length === 0) return;
  await to.write(encoder.encode(`${chunk.length.toString(16)}\r\n`));
  await to.write(chunk);
  await to.write(LINE_END);
}

function reader(body: ResponseMessage["body"]): () => Promise<Uint8Array | null> {
  const pieces: Uint8Array[] = [];
  return async () => {
    for (;;) {
      const next = pieces.shift();
      if (next !== undefined) {
        if (next.length > 0) return next;
        continue;
      }
      const piece = await body.read();
      if (piece === null) return null;
      pieces.push(...piece.data);
    }
  };
}

function messageIn(bytes: Uint8Array): string {
  try {
    const body = parseJson(bytes);
    if (isObject(body) && typeof body["message"] === "string") return body["message"];
  } catch {
    // No JSON: a proxy on the way has said it.
  }
  return new TextDecoder().decode(bytes.subarray(0, 500)).trim();
}
