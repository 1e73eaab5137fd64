/** Checks of this machine: folders, ports, and what docker itself is told. */
import { join } from "node:path";
import { type Place, runtimeFolders } from "../config/paths.ts";
import { stateObstacle } from "../config/state_folder.ts";
import { describeError, messageOf } from "../errors.ts";
import { listen } from "../listen/listen.ts";
import { formatDockerHost, type ListenAddress, parseListenAddress } from "../net/address.ts";
import { askAll } from "../ops/ask.ts";
import { type Check, failed, type Finding, passed, skipped, warned } from "./check.ts";
import type { Patient } from "./patient.ts";

/** In order. */
export const LOCAL_CHECKS: readonly Check<Patient>[] = [
  { name: "state", run: state },
  { name: "listen", run: listening },
  { name: "docker-host", run: dockerHost },
  { name: "watches", run: watches },
];

async function state({ settings: { stateFolder } }: Patient): Promise<Finding> {
  const obstacle = await stateObstacle(stateFolder);
  if (obstacle === undefined) return passed(stateFolder ?? "");
  // The agent starts without, and says so wherever somebody misses it.
  return warned(`No folder is synced: ${obstacle.why}`, obstacle.hint);
}

async function listening({ settings, place }: Patient): Promise<Finding> {
  const running = await askAll(runtimeFolders(place));
  const ours = new Set(running.flatMap(({ listening }) => listening));
  const notes: string[] = [];
  for (const text of settings.listen) {
    const address = parseListenAddress(text);
    const name = formatDockerHost(address);
    if (ours.has(name)) {
      notes.push(`${name} is served by a remote-docker-agent that runs`);
      continue;
    }
    const problem = await problemWith(address, settings);
    if (problem !== undefined) {
      return failed(problem, "listen", "end the other program, or choose another --listen");
    }
    notes.push(`${name} is free`);
  }
  return passed(notes.join("; "));
}

async function problemWith(
  address: ListenAddress,
  { allowRemoteClients, tls }: Patient["settings"],
): Promise<string | undefined> {
  try {
    await (await listen(address, { allowRemoteClients, ...(tls && { tls }) })).close();
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** What to type to set a variable, and to be rid of one. */
const UNIX_SHELL = {
  set: (name: string, value: string) => `export ${name}=${value}`,
  unset: (name: string) => `unset ${name}`,
};
const POWERSHELL: typeof UNIX_SHELL = {
  set: (name, value) => `$env:${name} = "${value}"`,
  unset: (name) => `Remove-Item Env:${name}`,
};

/** Whether docker talks to us when it is typed in this shell. */
async function dockerHost({ settings, place }: Patient): Promise<Finding> {
  const own = settings.listen.map((text) => formatDockerHost(parseListenAddress(text)));
  const context = await currentContext(place.env["DOCKER_CONFIG"], place.home);
  return judgeDockerHost(own, place, context);
}

/** The same, of what is known. `own` are our addresses, `context` is the one of docker's settings. */
export function judgeDockerHost(
  own: readonly string[],
  { platform, env: { DOCKER_HOST, DOCKER_CONTEXT } }: Place,
  context: string | undefined,
): Finding {
  const { set, unset } = platform === "windows" ? POWERSHELL : UNIX_SHELL;
  const remedy = set("DOCKER_HOST", own[0] ?? "");
  if (DOCKER_HOST) {
    if (own.includes(DOCKER_HOST)) return passed(`DOCKER_HOST is ${DOCKER_HOST}`);
    return warned(`DOCKER_HOST is ${DOCKER_HOST}, which is not this agent`, remedy);
  }
  if (DOCKER_CONTEXT) {
    return warned(`DOCKER_CONTEXT is "${DOCKER_CONTEXT}"`, `${unset("DOCKER_CONTEXT")}; ${remedy}`);
  }
  if (context === undefined) {
    return warned("DOCKER_HOST is not set: docker talks to its default socket", remedy);
  }
  return warned(`docker uses the context "${context}"`, `docker context use default; ${remedy}`);
}

/** From docker's own configuration; `undefined` for the default one. */
async function currentContext(
  folder: string | undefined,
  home: string | undefined,
): Promise<string | undefined> {
  const directory = folder || (home === undefined ? undefined : join(home, ".docker"));
  if (directory === undefined) return undefined;
  try {
    const config: unknown = JSON.parse(await Deno.readTextFile(join(directory, "config.json")));
    const { currentContext: name } = config as { currentContext?: unknown };
    return typeof name === "string" && name !== "" && name !== "default" ? name : undefined;
  } catch {
    // No such file, or one that docker itself cannot read either.
    return undefined;
  }
}

const WATCH_LIMIT = "/proc/sys/fs/inotify/max_user_watches";
/** One for each folder of a tree. */
const FEW_WATCHES = 16_384;

async function watches(): Promise<Finding> {
  let text: string;
  try {
    text = await Deno.readTextFile(WATCH_LIMIT);
  } catch (error) {
    return skipped(`Not on this system: ${describeError(error)}`);
  }
  const limit = Number(text);
  const said = `${limit} folders can be watched`;
  if (limit >= FEW_WATCHES) return passed(said);
  return warned(said, "sudo sysctl fs.inotify.max_user_watches=524288");
}
