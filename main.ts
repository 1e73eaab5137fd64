/** The program's entry: everything it does is decided in `lib/cli/run.ts`. */
import { startAgent } from "./lib/app/start.ts";
import { run } from "./lib/cli/run.ts";

if (import.meta.main) Deno.exit(await run(Deno.args, { startAgent }));
