/**
 * File names as users write them: `~`, relative names, and where the platform keeps settings. Pure:
 * the platform and the home directory are handed in.
 */
import { posix, win32 } from "node:path";

/** What the meaning of a file name depends on. */
export interface Place {
  readonly platform: typeof Deno.build.os;
  /** The user's home directory, if known. */
  readonly home: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** The path functions of the platform. */
export function pathsOf(platform: Place["platform"]): typeof posix {
  return platform === "windows" ? win32 : posix;
}

/**
 * The absolute form of a file name: `~` and `~/x` are below the home directory, a relative name is
 * below `base`. Throws a plain `Error` that says what is wrong.
 */
export function resolvePath(text: string, base: string, place: Place): string {
  const paths = pathsOf(place.platform);
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(text)) throw new Error("expected a file name, not a URL");
  if (!text.startsWith("~")) return paths.resolve(base, text);
  const rest = text.slice(1);
  if (rest !== "" && !rest.startsWith("/") && !(paths === win32 && rest.startsWith("\\"))) {
    throw new Error("only one's own home directory can be written with ~");
  }
  if (place.home === undefined) throw new Error("the home directory is not known; set HOME");
  return paths.join(place.home, rest);
}

/**
 * The configuration file that is read unless another is named: below `$XDG_CONFIG_HOME` or
 * `~/.config` (XDG Base Directory Specification 0.8), `~/Library/Application Support` on macOS,
 * `%APPDATA%` on Windows. Nothing if the home directory is not known.
 */
export function defaultConfigFile(place: Place): string | undefined {
  const folder = configFolder(place);
  if (folder === undefined) return undefined;
  return pathsOf(place.platform).join(folder, "remote-docker-agent", "config.yaml");
}

function configFolder({ platform, home, env }: Place): string | undefined {
  const paths = pathsOf(platform);
  if (platform === "windows") {
    return env["APPDATA"] || (home && paths.join(home, "AppData", "Roaming"));
  }
  if (platform === "darwin") return home && paths.join(home, "Library", "Application Support");
  const xdg = env["XDG_CONFIG_HOME"];
  // The specification has relative values ignored.
  if (xdg !== undefined && paths.isAbsolute(xdg)) return xdg;
  return home && paths.join(home, ".config");
}

/**
 * The directory for what must outlive a run: below `$XDG_STATE_HOME` or `~/.local/state` (XDG Base
 * Directory Specification 0.8), beside the configuration on macOS, `%LOCALAPPDATA%` on Windows.
 * Nothing if the home directory is not known.
 */
export function stateFolder(place: Place): string | undefined {
  const paths = pathsOf(place.platform);
  const folder = stateRoot(place);
  return folder && paths.join(folder, "remote-docker-agent");
}

function stateRoot({ platform, home, env }: Place): string | undefined {
  const paths = pathsOf(platform);
  if (platform === "windows") {
    return env["LOCALAPPDATA"] || (home && paths.join(home, "AppData", "Local"));
  }
  if (platform === "darwin") return home && paths.join(home, "Library", "Application Support");
  const xdg = env["XDG_STATE_HOME"];
  if (xdg !== undefined && paths.isAbsolute(xdg)) return xdg;
  return home && paths.join(home, ".local", "state");
}

/** How a user names another place for {@link stateFolder}. */
export function stateHint(platform: Place["platform"]): string {
  if (platform === "windows") return "set LOCALAPPDATA";
  return platform === "darwin" ? "set HOME" : "set HOME or XDG_STATE_HOME";
}

/**
 * Where the commands of one user find each other, the best place first: below `$XDG_RUNTIME_DIR`,
 * which is there while the user is signed in, then in {@link stateFolder}. A command announces
 * itself in the first and looks into all.
 */
export function runtimeFolders(place: Place): string[] {
  const paths = pathsOf(place.platform);
  const runtime = place.platform === "linux" ? place.env["XDG_RUNTIME_DIR"] : undefined;
  const state = stateFolder(place);
  return [
    ...(runtime !== undefined && paths.isAbsolute(runtime)
      ? [paths.join(runtime, "remote-docker-agent")]
      : []),
    ...(state === undefined ? [] : [paths.join(state, "run")]),
  ];
}

/**
 * Where the docker command line keeps its settings and contexts: `$DOCKER_CONFIG`, else `~/.docker` on
 * every platform. Nothing if the home directory is not known.
 */
export function dockerFolder({ platform, home, env }: Place): string | undefined {
  return env["DOCKER_CONFIG"] || (home && pathsOf(platform).join(home, ".docker"));
}
