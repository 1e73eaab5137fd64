/**
 * What users see of published ports: undoes, on the way back, what was done on the way there.
 *
 * Life cycle:
 * - inspect, list, disk usage, response: ports as requested with the local addresses that listen,
 *   without our label (`views.ts`). Answers that do not mention the label pass unread.
 * - list, request: the filter `publish=` is applied here (`publish_filter.ts`).
 * - events, response: our label is taken out of the attributes, line by line.
 * - commit, request: the image would inherit our label; it gets it emptied.
 * - images, response: no label of ours (`image_views.ts`).
 */
import type { Exchange, Interceptor } from "../../docker/exchange.ts";
import { isObject, type Json } from "../../docker/json_body.ts";
import { itemsOf } from "../../docker/lenient.ts";
import { setQuery } from "../../docker/query.ts";
import type { ResponseMessage } from "../../http/message.ts";
import { editedAnswer, editedEvents, type LabelEdit } from "../answers.ts";
import { editedImages, hideImageLabel } from "../image_views.ts";
import { PORTS_LABEL } from "./label.ts";
import { takePublishFilter } from "./publish_filter.ts";
import { type PortKnowledge, showEvent, showInspect, showListItem } from "./views.ts";

/** What is known here of containers and their ports. */
export interface UnrewriteOptions extends PortKnowledge {
  /** Whether containers without our label have local ports too. */
  readonly foreign: boolean;
  /** Whether a name or an id stands for a container with our label. */
  isFollowed(target: string): boolean;
}

type Next = () => Promise<ResponseMessage>;

const LABEL: LabelEdit = { label: PORTS_LABEL };

/** The interceptor; see the file comment. */
export function unrewritePorts(ports: UnrewriteOptions): Interceptor {
  return async (exchange, next) => {
    switch (exchange.route?.name) {
      case "ContainerInspect":
        return await editedAnswer(await next(), (value) => {
          showInspect(value, ports);
          return value;
        }, { ...LABEL, always: ports.foreign });
      case "ContainerList":
        return await list(exchange, next, ports);
      case "SystemDataUsage":
        return await editedAnswer(await next(), (value) => {
          if (!isObject(value)) return value;
          itemsOf(value["Containers"]).forEach(show);
          itemsOf(value["Images"]).forEach((image) => hideImageLabel(image, PORTS_LABEL));
          return value;
        }, LABEL);
      case "ImageInspect":
      case "ImageList":
        return await editedImages(await next(), LABEL);
      case "SystemEvents":
        return await editedEvents(await next(), showEvent, LABEL);
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
  return await editedAnswer(await next(), (value) => {
    if (!Array.isArray(value)) return value;
    for (const item of value) showListItem(item, ports);
    return filter === undefined ? value : filter.apply(value);
  }, { ...LABEL, always: ports.foreign || filter !== undefined });
}

function dropLabel(exchange: Exchange, ports: UnrewriteOptions): void {
  const { query } = exchange.route ?? {};
  if (query === undefined || !ports.isFollowed(query.get("container") ?? "")) return;
  const changed = new URLSearchParams(query);
  changed.append("changes", `LABEL ${PORTS_LABEL}=""`);
  setQuery(exchange, changed);
}
