/**
 * Where case does not count, what has been renamed from `a` to `A` is found as `a` still: asked for by
 * its old name it would seem to be there twice.
 */
import { localPath, relativeTo } from "../core/path_map.ts";
import type { LocalTree } from "./tree.ts";

/** Whether what is found at `path` is listed under another name. Never throws. */
export function isRenamed({ root, platform }: LocalTree, path: string): boolean {
  if (platform === "linux") return false;
  try {
    // A link is taken for what it leads to; its own name is read with its folder, later.
    const found = Deno.realPathSync(localPath(root, path, platform));
    const real = relativeTo(Deno.realPathSync(root), found, platform);
    const at = real === undefined ? undefined : differsInCase(path, real);
    if (at === undefined) return false;
    // The system's word for it is not enough to call something gone.
    const names = Deno.readDirSync(localPath(root, at.parent, platform));
    return names.every(({ name }) => name !== at.name);
  } catch {
    return false; // gone, a link to nothing, or not for us to read
  }
}

/** The first name of a path that is written otherwise in `real`; nothing if more than case differs. */
export function differsInCase(
  path: string,
  real: string,
): { readonly parent: string; readonly name: string } | undefined {
  if (path === real || path.toLowerCase() !== real.toLowerCase()) return undefined;
  const [asked, found] = [path.split("/"), real.split("/")];
  const index = asked.findIndex((name, each) => name !== found[each]);
  return { parent: asked.slice(0, index).join("/"), name: asked[index] ?? "" };
}
