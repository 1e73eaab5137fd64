/**
 * How the commands of one user find each other: every long-running one answers on a private socket
 * in a directory of the user's, named after its process, also while no operations port is open. On
 * Windows it is a named pipe, and an empty file in the directory tells of it.
 *
 * A command that cannot have such a socket runs without: `status` does not see it then.
 */
import { posix, win32 } from "node:path";
import { messageOf } from "../errors.ts";
import { logger } from "../log.ts";
import { systemReason } from "../system/system_reason.ts";
import type { ListenAddress } from "../net/address.ts";
import { type OpsServer, startOpsServer } from "./server.ts";
import type { OpsSource } from "./sources/source.ts";

const ENDING = /^(\d+)\.(sock|pipe)$/;
const DIRECTORY_MODE = 0o700;

/** A command that may be running. */
export interface Presence {
  readonly pid: number;
  readonly address: ListenAddress;
  /** The file that tells of it. */
  readonly file: string;
}

/** Where the command with this process id answers. */
export function presenceOf(directory: string, pid: number, platform = Deno.build.os): Presence {
  if (platform === "windows") {
    const path = `\\\\.\\pipe\\remote-docker-agent-${pid}`;
    return { pid, address: { kind: "npipe", path }, file: win32.join(directory, `${pid}.pipe`) };
  }
  const file = posix.join(directory, `${pid}.sock`);
  return { pid, address: { kind: "unix", path: file }, file };
}

/** Answers on the private socket of this process; `undefined`, and a line in the log, if it cannot. */
export async function announce(
  directory: string,
  source: OpsSource,
): Promise<OpsServer | undefined> {
  const log = logger("ops");
  const { address, file } = presenceOf(directory, Deno.pid);
  try {
    await Deno.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    const server = await startOpsServer(source, { addresses: [address], isPrivate: true });
    if (address.kind !== "npipe") return server;
    await Deno.writeTextFile(file, "");
    return {
      urls: [],
      async close() {
        await server.close();
        await forget(file);
      },
    };
  } catch (error) {
    log.info(`The command "status" will not see this process: ${systemReason(error)}`, { file });
    return undefined;
  }
}

/** The commands that have announced themselves, the youngest process last; some may be gone. */
export async function findPresences(directory: string): Promise<Presence[]> {
  const found: Presence[] = [];
  try {
    for await (const { name } of Deno.readDir(directory)) {
      const pid = ENDING.exec(name)?.[1];
      if (pid !== undefined) found.push(presenceOf(directory, Number(pid)));
    }
  } catch (error) {
    // Nobody has ever announced anything, or not for us to see.
    if (!(error instanceof Deno.errors.NotFound)) {
      logger("status").warn(`Cannot look into "${directory}": ${systemReason(error)}`);
    }
  }
  return found.sort((a, b) => a.pid - b.pid);
}

/** Removes what a process that was killed left behind. */
export async function forget(file: string): Promise<void> {
  try {
    await Deno.remove(file);
  } catch (error) {
    // Somebody else has done so, or it is no longer ours to remove; it will be looked at again.
    logger("ops").debug(`Cannot remove "${file}": ${messageOf(error)}`);
  }
}
