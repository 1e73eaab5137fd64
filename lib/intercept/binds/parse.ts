/**
 * The text form of a mount, `source:target[:options]`, as clients send it in `HostConfig.Binds`. Only
 * what mounts a path is read here; named volumes and what the engine will refuse are nobody's. Pure.
 */

/** One mount of a path. `source` and `target` are as written. */
export interface BindSpec {
  readonly source: string;
  readonly target: string;
  /** What follows the target, such as `ro,z`; empty for nothing. */
  readonly options: string;
}

/** `C:\x` or `C:/x`: a volume cannot be meant, since the name of one has two characters or more. */
const DRIVE_SOURCE = /^([A-Za-z]:[\\/][^:]*):(.*)$/s;
/** `\\server\share`, on Windows. */
const SHARE_SOURCE = /^(\\\\[^\\/?.:][^:]*):(.*)$/s;
const UNIX_SOURCE = /^(\/[^:]*):(.*)$/s;

/**
 * Reads one entry; nothing for a volume, and nothing for what the engine refuses because the target
 * is no absolute path or a colon is too much (`volume/mounts/linux_parser.go`): it says so itself.
 */
export function parseBind(text: string): BindSpec | undefined {
  const [, source, rest] = (UNIX_SOURCE.exec(text) ?? DRIVE_SOURCE.exec(text) ??
    SHARE_SOURCE.exec(text)) ?? [];
  if (source === undefined || rest === undefined) return undefined;
  const [target = "", options = "", surplus] = rest.split(":");
  if (!target.startsWith("/") || surplus !== undefined) return undefined;
  return { source, target, options };
}

/** The text of a mount; {@link parseBind} backwards. */
export function formatBind({ source, target, options }: BindSpec): string {
  return options === "" ? `${source}:${target}` : `${source}:${target}:${options}`;
}

/** Options that say how a bind mount is made, which volumes do not take. */
const BIND_ONLY = /^r?(private|shared|slave)$|^(consistent|cached|delegated)$/;

/** Of a mount of a volume: it is not filled with what the image has there. */
export const NO_COPY = "nocopy";

/** The options of a mount that a volume has as well. */
export function volumeOptions({ options }: BindSpec): string[] {
  return options.split(",").filter((option) => option !== "" && !BIND_ONLY.test(option));
}

/** Reads the text of a mount of this volume; nothing for one of another. */
export function parseVolume(text: string, name: string): BindSpec | undefined {
  if (!text.startsWith(`${name}:/`)) return undefined;
  const [target = "", options = ""] = text.slice(name.length + 1).split(":");
  const shown = options.split(",").filter((option) => option !== NO_COPY).join(",");
  return { source: name, target, options: shown };
}

/** Whether the options make the mount read-only. */
export function isReadOnly({ options }: BindSpec): boolean {
  return options.split(",").includes("ro");
}
