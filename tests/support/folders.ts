/** Folders of this machine for tests of bind mounts. */
import { until } from "./poll.ts";

/** A fresh folder with files in it; gone at the end of the test. */
export async function folder(
  files: Record<string, string> = {},
): Promise<{ path: string } & AsyncDisposable> {
  const path = await Deno.realPath(await Deno.makeTempDir({ prefix: "rda-src-" }));
  await write(path, files);
  return {
    path,
    async [Symbol.asyncDispose]() {
      await Deno.remove(path, { recursive: true }).catch(() => {}); // a test may have removed it
    },
  };
}

/** Writes files, and the directories above them. */
export async function write(root: string, files: Record<string, string>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = `${root}/${name}`;
    await Deno.mkdir(path.slice(0, path.lastIndexOf("/")), { recursive: true });
    await Deno.writeTextFile(path, text);
  }
}

/** Replaces a file as careful editors do: another file takes its name. */
export async function saveByRename(path: string, text: string): Promise<void> {
  await Deno.writeTextFile(`${path}.new`, text);
  await Deno.rename(`${path}.new`, path);
}

/** The text of a file, or `undefined` while it is not there. */
export async function textOf(path: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Waits until a file of this machine says `text`; `undefined` is for a file that is not there. */
export async function untilText(path: string, text: string | undefined): Promise<void> {
  await until(`"${path}" says ${text}`, async () => await textOf(path) === text);
}

/** The names in a directory, sorted. */
export function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

/** A state directory for the agents of one test file, so that no run sees another one's sessions. */
export async function stateVars(): Promise<Record<string, string>> {
  const path = await Deno.makeTempDir({ prefix: "rda-state-" });
  globalThis.addEventListener("unload", () => Deno.removeSync(path, { recursive: true }));
  return { XDG_STATE_HOME: path, XDG_RUNTIME_DIR: path };
}
