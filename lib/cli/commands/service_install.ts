/**
 * `service install|uninstall|status`: makes the system start the program, and keeps it running. What
 * is written and run is decided in `ops/service/`; with `--dry-run` it is shown and nothing is done.
 */
import type { Given } from "../../config/option.ts";
import { pathsOf, resolvePath } from "../../config/paths.ts";
import type { Sources } from "../../config/load.ts";
import { type OptionName, specOf, type Values } from "../../config/schema.ts";
import { NONE } from "../../config/values.ts";
import { AgentError, EXIT_CODES, messageOf } from "../../errors.ts";
import { SERVICE_KINDS } from "../../ops/service/kinds.ts";
import { planService } from "../../ops/service/plan.ts";
import type { CommandLine, ServicePlan } from "../../ops/service/spec.ts";
import type { System } from "../system.ts";
import { checkTarget, flagsFor, serviceCommand } from "./service_target.ts";

/** What a command left behind. */
export interface CommandOutcome {
  readonly code: number;
  /** Standard output and standard error. */
  readonly output: string;
}

/** What the command does to the machine; tests hand in their own. */
export interface ServiceMachine {
  readonly uid: number | null;
  /** Writes a file, and the directories above it. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** Whether there was such a file. */
  remove(path: string): Promise<boolean>;
  exists(path: string): Promise<boolean>;
  run(command: CommandLine): Promise<CommandOutcome>;
}

/** What the command line says. */
export interface ServiceRequest {
  /** `install`, `uninstall` or `status`. */
  readonly operand: string | undefined;
  /** The command that the service is to run; `start` without one. */
  readonly what?: string | undefined;
  /** All flags; those of that command are what the service is to be started with. */
  readonly flags: readonly Given<OptionName>[];
  readonly values: Pick<Values, "service-name" | "system" | "dry-run">;
  readonly sources: Sources;
}

/** Returns the exit code; throws `AgentError`, naming what failed. */
export async function runServiceCommand(
  { operand, what, flags: given, values, sources }: ServiceRequest,
  system: System,
  machine: ServiceMachine = denoMachine,
): Promise<number> {
  const { platform, home, env } = system.place;
  const { "dry-run": dryRun } = values;
  const target = serviceCommand(what);
  const kind = SERVICE_KINDS[target];
  const isNamed = given.some((flag) => flag.name === "service-name") ||
    values["service-name"] !== SERVICE_KINDS.start.name;
  const name = isNamed ? values["service-name"] : kind.name;
  const flags = flagsFor(target, given);
  const facts = operand === "install"
    ? await checkTarget(target, flags, sources, system)
    : { stopMs: 0 };
  const command = [...programOf(system), target, ...flagsAnywhere(flags, system)];
  const plan = planService(
    { name, system: values.system, command, kind, ...facts },
    { platform, home, env, uid: machine.uid },
  );
  if (operand === "status") return await showStatus(plan, name, system, machine);
  if (dryRun) system.out(operand === "install" ? renderInstall(plan) : renderUninstall(plan));
  else if (operand === "install") await install(plan, system, machine);
  else await uninstall(plan, name, system, machine);
  return 0;
}

async function install(plan: ServicePlan, system: System, machine: ServiceMachine): Promise<void> {
  const isNew = !await machine.exists(plan.path);
  try {
    await machine.write(plan.path, encode(plan));
  } catch (cause) {
    throw new AgentError("config", `Cannot write "${plan.path}": ${messageOf(cause)}`, {
      cause,
      hint: "a service of the machine (--system) needs its administrator",
    });
  }
  // The one before would go on, and launchd takes no second of that name. It may have ended.
  if (!isNew) { for (const command of plan.stop) await machine.run(command); }
  try {
    for (const command of plan.install) await runOrThrow(command, machine);
  } catch (error) {
    if (isNew) await undo(plan, machine);
    throw error;
  }
  system.out(`Wrote the ${plan.kind} ${plan.path}\n`);
  system.out(`The service is installed and started.\n${renderNotes(plan)}`);
}

/** Nothing of a service that could not be installed stays; what it had not come to fails, and may. */
async function undo(plan: ServicePlan, machine: ServiceMachine): Promise<void> {
  for (const command of plan.stop) await machine.run(command);
  await machine.remove(plan.path);
  for (const command of plan.forget) await machine.run(command);
}

async function uninstall(
  plan: ServicePlan,
  name: string,
  system: System,
  machine: ServiceMachine,
): Promise<void> {
  if (!await machine.exists(plan.path)) throw notInstalled(name, plan);
  // It may have ended before.
  for (const command of plan.stop) await machine.run(command);
  await machine.remove(plan.path);
  for (const command of plan.forget) await runOrThrow(command, machine);
  system.out(`The service "${name}" is stopped and removed.\n`);
}

async function showStatus(
  plan: ServicePlan,
  name: string,
  system: System,
  machine: ServiceMachine,
): Promise<number> {
  if (!await machine.exists(plan.path)) throw notInstalled(name, plan);
  const { code, output } = await machine.run(plan.status);
  system.out(`Installed as ${plan.path}\n${output}`);
  return code === 0 ? 0 : EXIT_CODES.lost;
}

function notInstalled(name: string, plan: ServicePlan): AgentError {
  return new AgentError("unreachable", `No service "${name}" is installed here`, {
    hint: `its ${plan.kind} would be "${plan.path}"`,
  });
}

async function runOrThrow(command: CommandLine, machine: ServiceMachine): Promise<void> {
  const { code, output } = await machine.run(command);
  if (code === 0) return;
  const why = output.trim() === "" ? `it ended with ${code}` : output.trim();
  throw new AgentError("config", `Cannot run "${command.join(" ")}": ${why}`, {
    hint:
      "service install --dry-run shows what is written and run; with --system it is the machine's",
  });
}

function renderInstall(plan: ServicePlan): string {
  const text = plan.text.replaceAll("\r\n", "\n");
  return `# ${plan.path}\n${text}\n# Then:\n${renderCommands(plan.install)}`;
}

function renderUninstall(plan: ServicePlan): string {
  return renderCommands(plan.stop) + `# Remove ${plan.path}\n` + renderCommands(plan.forget);
}

function renderCommands(commands: readonly CommandLine[]): string {
  return commands.map((command) => `${command.join(" ")}\n`).join("");
}

function renderNotes(plan: ServicePlan): string {
  return plan.notes.map((note) => `${note}.\n`).join("");
}

function encode({ text, encoding }: ServicePlan): Uint8Array {
  if (encoding === undefined) return new TextEncoder().encode(text);
  const units = Uint16Array.from(`\ufeff${text}`, (character) => character.charCodeAt(0));
  const bytes = new Uint8Array(units.length * 2);
  units.forEach((unit, at) => new DataView(bytes.buffer).setUint16(at * 2, unit, true));
  return bytes;
}

function programOf({ program }: System): readonly string[] {
  if (program !== undefined) return program;
  throw new AgentError("internal", "Cannot tell how this program was started");
}

/** The flags as they are to be given from any directory. */
function flagsAnywhere(flags: readonly Given<OptionName>[], system: System): string[] {
  return flags.map(({ name, text, base }) => {
    const { type } = specOf(name);
    if (type === "boolean") return text === "false" ? `--no-${name}` : `--${name}`;
    if (type !== "path" || text === NONE) return `--${name}=${text}`;
    return `--${name}=${resolvePath(text, base, system.place)}`;
  });
}

/** The machine we are on. */
const denoMachine: ServiceMachine = {
  uid: Deno.build.os === "windows" ? null : Deno.uid(),
  async write(path, bytes) {
    await Deno.mkdir(pathsOf(Deno.build.os).dirname(path), { recursive: true });
    await Deno.writeFile(path, bytes, { mode: 0o644 });
  },
  async remove(path) {
    const there = await this.exists(path);
    if (there) await Deno.remove(path);
    return there;
  },
  async exists(path) {
    try {
      await Deno.stat(path);
      return true;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return false;
      throw error;
    }
  },
  async run([program = "", ...args]) {
    try {
      const { code, stdout, stderr } = await new Deno.Command(program, { args, stdin: "null" })
        .output();
      const decoder = new TextDecoder();
      return { code, output: decoder.decode(stdout) + decoder.decode(stderr) };
    } catch (error) {
      return { code: 127, output: `Cannot run "${program}": ${messageOf(error)}\n` };
    }
  },
};
