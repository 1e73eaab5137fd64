/**
 * The end of a client's input on its way to an HTTP gateway. nginx ends a hijacked connection as soon
 * as the client ends its direction, and drops what was still to come; the docker CLI does so at once
 * when it has no input to send. Such an end tells the engine nothing, so it is kept back until the
 * output has ended. One that ends a standard input is passed on, and the loss is told once.
 */
import type { EngineClient } from "../docker/engine_client.ts";
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import { isObject } from "../docker/json_body.ts";
import type { Logger } from "../log.ts";
import type { Duplex } from "../net/duplex.ts";

/** What it needs of its surroundings. */
export interface HalfCloseOptions {
  readonly engine: Pick<EngineClient, "get">;
  /** Whether the gateway is known to keep what comes after the end of the input. */
  keepsOutput(): boolean;
  readonly log: Logger;
}

/** An interceptor of `ContainerAttach` and `ExecStart`; see the file comment. */
export function keepBackEmptyEnds(options: HalfCloseOptions): Interceptor {
  let told = false;
  const tell = () => {
    if (told || options.keepsOutput()) return;
    told = true;
    options.log.warn(
      "The end of a command's input is passed on to the gateway; " +
        "if it is an HTTP proxy such as nginx, the output after that may be lost",
    );
  };
  return async (exchange, next) => {
    const question = questionFor(exchange, options.engine);
    if (question !== undefined) {
      exchange.ofClient = (client) =>
        endingWhen(client, async () => {
          const hasInput = await question();
          if (hasInput) tell();
          return hasInput;
        });
    }
    return await next();
  };
}

/** Finds out whether the command reads what the client sends; asked when the client has ended. */
function questionFor(
  { route, signal }: Exchange,
  engine: Pick<EngineClient, "get">,
): (() => Promise<boolean>) | undefined {
  if (route?.name === "ContainerAttach") {
    const hasInput = isTrue(route.query.get("stdin"));
    return () => Promise.resolve(hasInput);
  }
  if (route?.name !== "ExecStart") return undefined;
  const id = route.params["id"] ?? "";
  return async () => {
    try {
      const { body } = await engine.get(`/exec/${encodeURIComponent(id)}/json`, { signal });
      return !isObject(body) || body["OpenStdin"] !== false;
    } catch {
      // Not known: what the client did is passed on.
      return true;
    }
  };
}

/** As the engine reads a boolean of a query (`httputils.BoolValue`). */
function isTrue(value: string | null): boolean {
  return value !== null && !["", "0", "no", "false", "none"].includes(value.trim().toLowerCase());
}

/** `client`, whose end is seen at once only if `passesOn`, and otherwise when the answer has ended. */
export function endingWhen(client: Duplex, passesOn: () => Promise<boolean>): Duplex {
  const answered = Promise.withResolvers<void>();
  void client.closed.then(answered.resolve);
  return {
    async read() {
      const chunk = await client.read();
      if (chunk === null && !await passesOn()) await answered.promise;
      return chunk;
    },
    write: (chunk) => client.write(chunk),
    closeWrite() {
      answered.resolve();
      return client.closeWrite();
    },
    close() {
      answered.resolve();
      client.close();
    },
    closed: client.closed,
  };
}
