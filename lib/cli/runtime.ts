/**
 * How the runtime is started for this program; `deno task start` in `deno.json` is where it stands.
 *
 * V8's young generation is kept small: the buffers of streams live for one read and one write, and in
 * a large one they pile up until the next collection. Measured over 1 GB: 18 instead of 44 MiB of
 * growth, and 48 instead of 75 KiB for each idle connection, at the same speed.
 */
import metadata from "../../deno.json" with { type: "json" };

/** The flags of `deno run` and `deno compile` that this program wants. */
export const RUNTIME_FLAGS: readonly string[] = metadata.tasks.start.split(" ")
  .filter((word) => word.startsWith("--v8-flags="));
