/** Whether what must outlive a run can be kept; where it cannot, nothing is synced. */
import { systemReason } from "../system/system_reason.ts";
import { stateHint } from "./paths.ts";

/** Why not, and what to do about it. */
export interface StateObstacle {
  readonly why: string;
  readonly hint: string;
}

/** Makes the directory if need be, and tries to write to it. */
export async function stateObstacle(
  folder: string | undefined,
): Promise<StateObstacle | undefined> {
  if (folder === undefined) {
    return { why: "there is no directory to keep state in", hint: stateHint(Deno.build.os) };
  }
  try {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    await Deno.remove(await Deno.makeTempFile({ dir: folder, prefix: "try-" }));
    return undefined;
  } catch (error) {
    return {
      why: `cannot keep state in "${folder}": ${systemReason(error)}`,
      hint: stateHint(Deno.build.os),
    };
  }
}
