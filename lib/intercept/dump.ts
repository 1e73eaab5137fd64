/**
 * `--dump`: heads and JSON bodies of every request and response in the log at level debug, secrets
 * masked. It looks on: bodies are relayed as they come, and only their first bytes are kept.
 *
 * Life cycle: every operation, request and response; nothing is changed.
 */
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import { encodeJson, parseJson } from "../docker/json_body.ts";
import type { HeaderList, RequestHead, ResponseHead } from "../http/head.ts";
import type { Body, Message } from "../http/message.ts";
import { maskHeader, maskJson, maskTarget } from "./mask.ts";

/** How much of one body is kept for the log. */
const MAX_DUMPED_BYTES = 64 * 1024;

const decoder = new TextDecoder();

/** The interceptor; see the file comment. */
export const dump: Interceptor = async (exchange, next) => {
  if (!exchange.log.enabled("debug")) return await next();
  const { head } = exchange.request;
  logHead(exchange, ">", `${head.method} ${maskTarget(head.target)} HTTP/${head.version}`, head);
  exchange.request = watched(exchange, ">", exchange.request);
  const response = await next();
  const { status, reason, version } = response.head;
  logHead(exchange, "<", `HTTP/${version} ${status} ${reason}`, response.head);
  return watched(exchange, "<", response);
};

function logHead(
  { log }: Exchange,
  direction: string,
  line: string,
  { headers }: { headers: HeaderList },
): void {
  log.debug(`${direction} ${line}`);
  for (const [name, value] of headers) {
    log.debug(`${direction} ${name}: ${maskHeader(name, value)}`);
  }
}

function watched<M extends Message<RequestHead | ResponseHead>>(
  exchange: Exchange,
  direction: string,
  message: M,
): M {
  const type = message.head.headers.get("Content-Type") ?? "";
  if (!/^application\/(.*\+)?json\b/i.test(type)) return message;
  return { ...message, body: tap(message.body, (text) => logBody(exchange, direction, text)) };
}

/** The same body; at its end, or when it has grown too long, `report` gets what came. */
function tap(body: Body, report: (bytes: Uint8Array, whole: boolean) => void): Body {
  const kept = new Uint8Array(MAX_DUMPED_BYTES);
  let length = 0;
  let reported = false;
  const tell = (whole: boolean) => {
    if (!reported && length > 0) report(kept.subarray(0, length), whole);
    reported = true;
  };
  return {
    async read() {
      const piece = await body.read();
      if (piece === null) tell(true);
      for (const data of piece?.data ?? []) {
        const taken = data.subarray(0, kept.length - length);
        kept.set(taken, length);
        length += taken.length;
        if (taken.length < data.length) tell(false);
      }
      return piece;
    },
  };
}

/** A body that is cut off or not JSON cannot be masked by name, so only its size is told. */
function logBody({ log, route }: Exchange, direction: string, bytes: Uint8Array): void {
  try {
    const secretData = /^(Secret|Config)/.test(route?.name ?? "Secret");
    log.debug(`${direction} ${decoder.decode(encodeJson(maskJson(parseJson(bytes), secretData)))}`);
  } catch {
    log.debug(`${direction} (${bytes.length} bytes or more that are not one JSON value)`);
  }
}
