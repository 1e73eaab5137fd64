/**
 * What users see of bind mounts: undoes, on the way back, what was done on the way there.
 *
 * Life cycle:
 * - inspect, list, disk usage, response: the sources that were asked for, without our label
 *   (`views.ts`).
 * - list, request: the filter `volume=` knows the paths of this machine (`volume_filter.ts`).
 * - events, response: our label is taken out of the attributes; what happens to the containers by which
 *   files get into volumes is left out.
 * - commit, request: the image would inherit our label; it gets it emptied.
 * - images, response: no label of ours (`image_views.ts`).
 */
import type { Exchange, Interceptor } from "../../docker/exchange.ts";
import { isObject, type Json } from "../../docker/json_body.ts";
import { itemsOf } from "../../docker/lenient.ts";
import { setQuery } from "../../docker/query.ts";
import { editedAnswer, editedEvents } from "../answers.ts";
import { BINDS_LABEL, LABELS } from "./label.ts";
import { editedImages, hideImageLabel } from "../image_views.ts";
import { showBindsEvent, showBindsInspect, showBindsListItem } from "./views.ts";
import type { Platform } from "../../sync/core/path_map.ts";
import type { BindSync } from "../../sync/types.ts";
import { HELPER_LABEL } from "../../sync/volume/volume_names.ts";
import type { ContainerBinds } from "./container_binds.ts";
import { widenVolumeFilter } from "./volume_filter.ts";

const EDIT = { label: BINDS_LABEL };
const LIST_EDIT = { label: LABELS };

/** What is known here of containers, and of the folders they mount. */
export interface UnrewriteBindsOptions {
  readonly containers: Pick<ContainerBinds, "recall" | "known">;
  readonly sync: Pick<BindSync, "snapshot">;
  readonly platform: Platform;
}

/** The interceptor; see the file comment. */
export function unrewriteBinds(options: UnrewriteBindsOptions): Interceptor {
  const { containers } = options;
  return async (exchange, next) => {
    switch (exchange.route?.name) {
      case "ContainerInspect":
        return await editedAnswer(await next(), (value) => {
          showBindsInspect(value);
          return value;
        }, EDIT);
      case "ContainerList":
        widenFilter(exchange, options);
        return await editedAnswer(await next(), (value) => {
          itemsOf(value).forEach(showBindsListItem);
          return withoutHelpers(value);
        }, LIST_EDIT);
      case "SystemDataUsage":
        return await editedAnswer(await next(), (value) => {
          if (!isObject(value)) return value;
          itemsOf(value["Containers"]).forEach(showBindsListItem);
          itemsOf(value["Images"]).forEach((image) => hideImageLabel(image, BINDS_LABEL));
          return { ...value, Containers: withoutHelpers(value["Containers"]) };
        }, LIST_EDIT);
      case "ImageInspect":
      case "ImageList":
        return await editedImages(await next(), EDIT);
      case "SystemEvents":
        return await editedEvents(await next(), showBindsEvent, {
          ...LIST_EDIT,
          hides: isOfHelper,
        });
      case "ImageCommit":
        dropLabel(exchange, containers);
        return await next();
      default:
        return await next();
    }
  };
}

function widenFilter(
  exchange: Exchange,
  { containers, sync, platform }: UnrewriteBindsOptions,
): void {
  const { query } = exchange.route ?? {};
  if (query?.has("filters") !== true) return;
  const sessions = sync.snapshot();
  // It is gone through for every path that is asked for.
  const known = [...containers.known()];
  const wider = widenVolumeFilter(query, { sessions, containers: known, platform });
  if (wider !== undefined) setQuery(exchange, wider);
}

function dropLabel(exchange: Exchange, containers: Pick<ContainerBinds, "recall">): void {
  const { query } = exchange.route ?? {};
  if (query === undefined) return;
  if (containers.recall(query.get("container") ?? "") === undefined) return;
  const changed = new URLSearchParams(query);
  changed.append("changes", `LABEL ${BINDS_LABEL}=""`);
  setQuery(exchange, changed);
}

/** The stopped containers by which files get into volumes are nobody's business. */
function withoutHelpers(value: Json | undefined): Json {
  if (!Array.isArray(value)) return value ?? null;
  return value.filter((item) => {
    const labels = isObject(item) ? item["Labels"] : undefined;
    return !isObject(labels) || labels[HELPER_LABEL] === undefined;
  });
}

function isOfHelper(event: Json): boolean {
  const actor = isObject(event) ? event["Actor"] : undefined;
  const attributes = isObject(actor) ? actor["Attributes"] : undefined;
  return isObject(attributes) && attributes[HELPER_LABEL] !== undefined;
}
