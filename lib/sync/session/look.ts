/**
 * The look at both sides that a round begins with. A side of which it is known that nothing has changed
 * since the last look is not gone through again.
 */
import { type LocalView, scanLocal } from "../local/scan.ts";
import { type RemoteView, scanRemote } from "../remote/scan.ts";
import type { Problem } from "../types.ts";
import { isUnchangedSince } from "./last_look.ts";
import type { RoundParts, RoundScope } from "./round_parts.ts";

/** What there is; a side without a view is as it was agreed on. */
export interface Looked {
  readonly local: LocalView | undefined;
  readonly remote: RemoteView | undefined;
  /** Both sides are as they were: there is nothing to decide. */
  readonly nothing: boolean;
  readonly problems: readonly Problem[];
}

/** See the file comment. Throws like the scans. */
export async function look(parts: RoundParts, scope: RoundScope): Promise<Looked> {
  const { lastLook, only } = parts;
  const isFull = scope.local === "all" && scope.scanRemote && only === undefined;
  const since = isFull ? lastLook.since(parts) : undefined;
  if (since !== undefined) return await lookSince(parts, since);
  const paths = typeof scope.local === "string" ? undefined : scope.local;
  const [local, remote] = await Promise.all([
    scope.local === "none" ? undefined : lookHere(parts, paths),
    scope.scanRemote ? lookThere(parts) : undefined,
  ]);
  return {
    local,
    remote,
    nothing: false,
    problems: [...local?.problems ?? [], ...remote?.problems ?? []],
  };
}

async function lookSince(
  parts: RoundParts,
  since: { readonly local: number; readonly remote: number },
): Promise<Looked> {
  const { lastLook, tree } = parts;
  const [isSameHere, there] = await Promise.all([
    isUnchangedSince(tree, since.local),
    lookThere(parts, since.remote),
  ]);
  const isSameThere = lastLook.trusts(there);
  if (isSameHere && isSameThere) {
    return { local: undefined, remote: undefined, nothing: true, problems: [] };
  }
  const local = isSameHere ? undefined : await lookHere(parts);
  const remote = isSameThere ? undefined : there.unchanged ? await lookThere(parts) : there;
  return {
    local,
    remote,
    nothing: false,
    problems: [
      ...local?.problems ?? lastLook.localProblems,
      ...remote?.problems ?? lastLook.remoteProblems,
    ],
  };
}

async function lookHere(parts: RoundParts, paths?: readonly string[]): Promise<LocalView> {
  const { tree, ignored, only, signal, index } = parts;
  return await scanLocal(tree, { ignored, agreed: index.entries, only, signal }, paths);
}

async function lookThere(parts: RoundParts, since?: number): Promise<RemoteView> {
  const { shell, root, ignored, only, signal, index } = parts;
  const seconds = since === undefined ? undefined : since / 1000;
  const options = { ignored, agreed: index.entries, only, signal, since: seconds };
  return await scanRemote(shell, root, options);
}
