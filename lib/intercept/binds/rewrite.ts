/**
 * The bind mounts in the body of `POST /containers/create`: found in `HostConfig.Binds` and
 * `HostConfig.Mounts`, and pointed at other sources with every option kept. Pure; edits the request's
 * JSON in place.
 */
import { ReplyError } from "../../docker/error_reply.ts";
import { dropField, field, objectField, setField, stringField } from "../../docker/fields.ts";
import { isObject, type Json, type JsonObject } from "../../docker/json_body.ts";
import { type BindRequest, BINDS_LABEL, cleanTarget, encodeBindLabel } from "./label.ts";
import { formatBind, isReadOnly, NO_COPY, parseBind, volumeOptions } from "./parse.ts";

/** A bind mount somebody asks for. */
export interface AskedBind {
  /** As written. */
  readonly source: string;
  readonly target: string;
  readonly readOnly: boolean;
  /** A missing source is to be made; otherwise it is an error. */
  readonly create: boolean;
  /** Puts another source in the request. */
  replace(source: string): void;
  /** Mounts a volume instead, as it is: nothing of the image is copied into it. */
  replaceByVolume(name: string): void;
}

/** The bind mounts of a create request. Throws {@link ReplyError} 400 for one of another shape. */
export function findBinds(body: JsonObject): AskedBind[] {
  const host = objectField(body, "HostConfig");
  return host === undefined ? [] : [...textBinds(host), ...objectBinds(host)];
}

/** Containers whose mounts are taken over, of the form `name[:ro]`. */
export function volumesFrom(body: JsonObject): string[] {
  const host = objectField(body, "HostConfig");
  return host === undefined
    ? []
    : listField(host, "VolumesFrom").filter((item) => typeof item === "string");
}

/** Adds our label to the container. */
export function setBindLabel(body: JsonObject, request: BindRequest): void {
  const labels = objectField(body, "Labels") ?? {};
  labels[BINDS_LABEL] = encodeBindLabel(request);
  setField(body, "Labels", labels);
}

function textBinds(host: JsonObject): AskedBind[] {
  const entries = listField(host, "Binds");
  return entries.flatMap((entry, index) => {
    const spec = typeof entry === "string" ? parseBind(entry) : undefined;
    if (spec === undefined) return [];
    return [{
      source: spec.source,
      target: cleanTarget(spec.target),
      readOnly: isReadOnly(spec),
      create: true,
      replace: (source: string) => void (entries[index] = formatBind({ ...spec, source })),
      replaceByVolume: (source: string) => {
        const options = [...volumeOptions(spec), NO_COPY].join(",");
        entries[index] = formatBind({ ...spec, source, options });
      },
    }];
  });
}

function objectBinds(host: JsonObject): AskedBind[] {
  return listField(host, "Mounts").flatMap((mount) => {
    if (!isObject(mount) || stringField(mount, "Type") !== "bind") return [];
    const source = stringField(mount, "Source");
    // The engine has words of its own for a source that is no absolute path.
    if (!/^(\/|[A-Za-z]:[\\/])/.test(source)) return [];
    const options = objectField(mount, "BindOptions") ?? {};
    return [{
      source,
      target: cleanTarget(stringField(mount, "Target")),
      readOnly: field(mount, "ReadOnly") === true,
      create: field(options, "CreateMountpoint") === true,
      replace: (other: string) => setField(mount, "Source", other),
      replaceByVolume: (name: string) => {
        setField(mount, "Type", "volume");
        setField(mount, "Source", name);
        dropField(mount, "BindOptions");
        setField(mount, "VolumeOptions", { NoCopy: true });
      },
    }];
  });
}

function listField(object: JsonObject, name: string): Json[] {
  const value = field(object, name);
  if (value === undefined || value === null) return [];
  if (Array.isArray(value)) return value;
  throw new ReplyError(400, `invalid JSON: ${name} must be a list`);
}
