/**
 * What runs each command: one row each, beside its row in `lib/config/commands.ts`. A row reads the
 * values its command needs, sets up the log and hands over; the work itself is in the other files here.
 */
import type { CommandName } from "../../config/commands.ts";
import { type Loaded, loadValues } from "../../config/load.ts";
import type { Values } from "../../config/schema.ts";
import { logTo, noting } from "../logging.ts";
import type { CommandRun, RunCommand } from "./command.ts";
import { runConfig } from "./config.ts";
import { runContext } from "./context.ts";
import { runCompletions, runManual } from "./documents.ts";
import { runEvents } from "./events.ts";
import { runDoctor } from "./doctor.ts";
import { runEnv } from "./env.ts";
import { runForwards } from "./forwards.ts";
import { runGuest } from "./guest.ts";
import { runHostExec } from "./host_exec.ts";
import { runRelayCommand } from "./relay.ts";
import { runWith } from "./run_with.ts";
import { runServiceCommand } from "./service_install.ts";
import { runStart } from "./start.ts";
import { runStatus } from "./status.ts";
import { runSync } from "./sync.ts";
import { runConflicts, runPrune, runSyncs } from "./syncs.ts";
import { runTunnel } from "./tunnel.ts";
import { runUpgrade } from "./upgrade.ts";

/** The commands that answer from the command line alone have no row. */
export const RUN_COMMAND: Readonly<Record<Exclude<CommandName, "help" | "version">, RunCommand>> = {
  start: ({ sources, system, startAgent }) => runStart(sources, startAgent, system),
  sync: ({ invocation, sources, system }) => runSync(invocation, sources, system),
  tunnel: ({ invocation, sources, system }) => runTunnel(invocation, sources, system),
  "relay-server": runRelayPart("relay-server"),
  relay: runRelayPart("relay"),
  guest: serving((loaded, { system }) => runGuest(loaded, system)),
  "host-exec": (run) => runHostExec(run),
  keygen: runRelayPart("keygen"),
  // Loaded when asked for: nobody else needs the library that reads and makes certificates.
  async gateway({ sources, system, ...rest }) {
    const { runGateway } = await import("./gateway.ts");
    return await serving((loaded) => runGateway(loaded, system))({ sources, system, ...rest });
  },
  certs: asking(async ({ invocation: { operand, places = [] }, values, system }) => {
    const { runCerts } = await import("./certs.ts");
    return await runCerts({ operand, names: places }, values, system);
  }),
  status: asking(({ values, system }) => runStatus(values, system)),
  forwards: asking(({ values, system }) => runForwards(values, system)),
  events: asking(({ values, system }) => runEvents(values, system)),
  syncs: asking(({ invocation, values, system }) => runSyncs(invocation.operand, values, system)),
  conflicts: asking(({ values, system }) => runConflicts(values, system)),
  prune: asking(({ values, system }) => runPrune(values, system)),
  service: asking(({ invocation, values, sources, system }) => {
    const { operand, flags, places: [what] = [] } = invocation;
    return runServiceCommand({ operand, what, flags, values, sources }, system);
  }),
  doctor: ({ invocation, sources, system }) => runDoctor(invocation, sources, system),
  config: ({ invocation, sources, system }) => runConfig(invocation, sources, system),
  context: (run) => runContext(run),
  env: runEnv,
  run: (run) => runWith(run),
  completions: runCompletions,
  man: runManual,
  upgrade: asking(({ values, system }) => runUpgrade(values, system)),
};

/** A command that asks or arranges something and is done: it says only what is wrong. */
function asking(
  command: (run: CommandRun & { readonly values: Values }) => Promise<number>,
): RunCommand {
  return async (run) => {
    const { values } = await loadValues(run.sources);
    logTo(run.system, "warn");
    return await command({ ...run, values });
  };
}

function runRelayPart(command: "relay-server" | "relay" | "keygen"): RunCommand {
  return serving((loaded, { system, runRelay = runRelayCommand }) =>
    runRelay(command, loaded, system)
  );
}

/** A command that goes on until a signal and logs as it is told to. */
function serving(
  command: (loaded: Loaded, run: CommandRun) => Promise<number>,
): RunCommand {
  return async (run) => {
    const loaded = await loadValues(run.sources);
    const { "log-level": level, "log-format": format, "log-file": file } = loaded.values;
    logTo(run.system, level, format, file);
    return await noting(file, () => command(loaded, run));
  };
}
