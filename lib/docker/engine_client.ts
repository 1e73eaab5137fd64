/**
 * What the agent itself asks the engine: short JSON requests over a few connections of its own,
 * kept open between requests so that one costs a single round trip. The client owns them.
 */
import { AgentError, messageOf } from "../errors.ts";
import { collect, isInterim, staysOpen } from "../http/message.ts";
import { type EngineConnection, EngineConnections, type OpenEngine } from "./engine_connections.ts";
import { type Json, parseJson } from "./json_body.ts";
import { ownRequest } from "./own_request.ts";

/** Bytes of one answer; a list of ten thousand containers has about 20 MiB. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Connections kept open between requests. */
const MAX_IDLE = 2;

/** An answer of the engine. */
export interface EngineAnswer {
  readonly status: number;
  /** `null` when there was none. */
  readonly body: Json;
}

/** Options of {@link EngineClient.request}. */
export interface EngineRequestOptions {
  signal?: AbortSignal;
}

/** See the file comment. */
export class EngineClient {
  readonly #connections: EngineConnections;

  constructor(open: OpenEngine) {
    this.#connections = new EngineConnections(open, MAX_IDLE);
  }

  /** Asks with GET; once more if a kept connection turns out to have ended. */
  get(path: string, options?: EngineRequestOptions): Promise<EngineAnswer> {
    return this.#request("GET", path, options);
  }

  /** Asks with DELETE, which is idempotent too. */
  delete(path: string, options?: EngineRequestOptions): Promise<EngineAnswer> {
    return this.#request("DELETE", path, options);
  }

  /** Throws `AgentError` of kind `lost` when there is no answer. */
  async #request(
    method: "GET" | "DELETE",
    path: string,
    { signal }: EngineRequestOptions = {},
  ): Promise<EngineAnswer> {
    for (;;) {
      const kept = this.#connections.take();
      const connection = kept ?? await this.#connections.connect(signal);
      const abort = () => connection.stream.close();
      signal?.addEventListener("abort", abort, { once: true });
      try {
        return await this.#exchange(connection, method, path);
      } catch (cause) {
        connection.stream.close();
        if (kept !== undefined && !signal?.aborted) continue;
        const message = `No answer from the engine to ${method} ${path.split("?", 1)[0]}`;
        throw new AgentError("lost", `${message}: ${messageOf(cause)}`, { cause });
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    }
  }

  async #exchange(
    connection: EngineConnection,
    method: string,
    path: string,
  ): Promise<EngineAnswer> {
    const { parser, stream } = connection;
    parser.expect(method);
    await stream.write(ownRequest(method, path));
    for (;;) {
      const event = await stream.next();
      if (event === null) throw new Error("the connection ended");
      if (event.type !== "head" || isInterim(event.head)) continue;
      const { head, framing } = event;
      const answer = { head, framing, body: stream.body() };
      const bytes = await collect(answer.body, MAX_ANSWER_BYTES);
      if (staysOpen(answer)) this.#connections.keep(connection);
      else stream.close();
      return { status: head.status, body: bytes.length === 0 ? null : parseJson(bytes) };
    }
  }

  /** Closes the kept connections, and from now on each one after its answer. */
  close(): void {
    this.#connections.close();
  }
}
