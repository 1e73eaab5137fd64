/**
 * What users see of published ports: undoes, on the way back, what was done on the way there.
 *
 * Life cycle:
 * - inspect, list, disk usage, response: ports as requested with the local addresses that listen,
 *   without our label (`port_views.ts`). Answers that do not mention the label pass unread.
 * - list, request: the filter `publish=` is applied here (`publish_filter.ts`).
 * - events, response: our label is taken out of the attributes, line by line.
 * - commit, request: the image would inherit our label; it gets it emptied.
 */
import { ReplyError } from "../docker/error_reply.ts";
import type { Exchange, Interceptor } from "../docker/exchange.ts";
import { encodeJson, isObject, type Json, parseJson } from "../docker/json_body.ts";
import { encodeRequestHead } from "../http/head.ts";
import { collect, type ResponseMessage, withResponseBody } from "../http/message.ts";
import { HttpParseError } from "../http/parse_error.ts";
import { mapLines } from "./body_lines.ts";
import { PORTS_LABEL } from "./port_label.ts";
import { type PortKnowledge, showEvent, showInspect, showListItem } from "./port_views.ts";
import { takePublishFilter } from "./publish_filter.ts";

/** Bytes of one answer; a list of ten thousand containers has about 20 MiB. */
export const MAX_VIEW_BYTES = 64 * 1024 * 1024;

/** What is known here of containers and their ports. */
export interface UnrewriteOptions extends PortKnowledge {
  /** Whether containers without our label have local ports too. */
  readonly foreign: boolean;
  /** Whether a name or an id stands for a container with our label. */
  isFollowed(target: string): boolean;
}

type Next = () => Promise<ResponseMessage>;

const LABEL_BYTES = new TextEncoder().encode(PORTS_LABEL);

/** The interceptor; see the file comment. */
export function unrewritePorts(ports: UnrewriteOptions): Interceptor {
  return async (exchange, next) => {
    switch (exchange.route?.name) {
      case "ContainerInspect":
        return await edited(await next(), (value) => {
          showInspect(value, ports);
          return value;
        }, { always: ports.foreign });
      case "ContainerList":
        return await list(exchange, next, ports);
      case "SystemDataUsage":
        return await edited(await next(), (value) => {
          if (isObject(value)) { for (const item of itemsOf(value["Containers"])) show(item); }
          return value;
        });
      case "SystemEvents":
        return await events(await next());
      case "ImageCommit":
        dropLabel(exchange, ports);
        return await next();
      default:
        return await next();
    }
  };
  function show(item: Json) {
    showListItem(item, ports);
  }
}

async function list(
  exchange: Exchange,
  next: Next,
  ports: UnrewriteOptions,
): Promise<ResponseMessage> {
  const filter = takePublishFilter(exchange.route?.query ?? new URLSearchParams());
  if (filter !== undefined) setQuery(exchange, filter.query);
  return await edited(await next(), (value) => {
    if (!Array.isArray(value)) return value;
    for (const item of value) showListItem(item, ports);
    return filter === undefined ? value : filter.apply(value);
  }, { always: ports.foreign || filter !== undefined });
}

/** A successful answer after `edit`; unchanged without our label unless `always`. */
async function edited(
  response: ResponseMessage,
  edit: (value: Json) => Json,
  { always = false } = {},
): Promise<ResponseMessage> {
  if (response.head.status !== 200 || response.framing.kind === "none") return response;
  const bytes = await collectView(response);
  if (!always && !includes(bytes, LABEL_BYTES)) return withResponseBody(response, bytes);
  return withResponseBody(response, encodeJson(edit(parseJson(bytes))));
}

async function collectView(response: ResponseMessage): Promise<Uint8Array> {
  try {
    return await collect(response.body, MAX_VIEW_BYTES);
  } catch (cause) {
    if (!(cause instanceof HttpParseError)) throw cause;
    throw new ReplyError(502, `The engine's answer cannot be shown: ${cause.message}`, { cause });
  }
}

async function events(response: ResponseMessage): Promise<ResponseMessage> {
  const { head, framing } = response;
  if (head.status !== 200) return response;
  const body = mapLines(response.body, framing, editEvent);
  // A stream that knows its end is no stream: its length changes with its lines.
  if (framing.kind !== "length") return { ...response, body };
  return withResponseBody(response, await collectView({ ...response, body }));
}

function editEvent(line: Uint8Array): Uint8Array {
  if (!includes(line, LABEL_BYTES)) return line;
  const event = parseJson(line);
  showEvent(event);
  return withLineFeed(encodeJson(event));
}

function dropLabel(exchange: Exchange, ports: UnrewriteOptions): void {
  const { query } = exchange.route ?? {};
  if (query === undefined || !ports.isFollowed(query.get("container") ?? "")) return;
  const changed = new URLSearchParams(query);
  changed.append("changes", `LABEL ${PORTS_LABEL}=""`);
  setQuery(exchange, changed);
}

function setQuery(exchange: Exchange, query: URLSearchParams): void {
  const { request } = exchange;
  const target = `${request.head.target.split("?", 1)[0]}?${query}`;
  const head = { ...request.head, target };
  exchange.request = { ...request, head: { ...head, raw: encodeRequestHead(head) } };
}

function itemsOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : [];
}

function withLineFeed(bytes: Uint8Array): Uint8Array {
  const line = new Uint8Array(bytes.length + 1);
  line.set(bytes);
  line[bytes.length] = 0x0a;
  return line;
}

function includes(bytes: Uint8Array, part: Uint8Array): boolean {
  const first = part[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (part.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
