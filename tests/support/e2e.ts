/**
 * Registration of end-to-end tests. `endToEnd()` makes the rig ready for the file and returns a
 * function like `Deno.test`. A test that cannot run here is still registered, ignored, with the
 * reason in its name, so that the runner can list it.
 */
import { type Agent, peerIsSsh, startAgent } from "./agent.ts";
import { type CliName, cliVersion, DockerCli } from "./docker_cli.ts";
import { describeRig, type Rig, RIG_UP_VARIABLE, rigDown, rigUp, unsupported } from "./rig.ts";
import { engineName, isPodman, ownSuite, suiteTakes } from "./suite.ts";
import { currentWay } from "./way.ts";

/** Separates the name of an ignored test from the reason; the runner splits there. */
export const SKIPPED_BECAUSE = " [skipped: ";

/** What a test gets. */
export interface Bench {
  readonly rig: Rig;
  readonly agent: Agent;
  /** The docker CLI through the agent. */
  readonly docker: DockerCli;
  /** The same CLI on the engine's own socket: the thing to compare with. */
  readonly direct: DockerCli;
}

/** How one test is registered. */
export interface TestOptions {
  /** Which CLI runs it. Default: `current`, or `debian` where there is no other. */
  cli?: CliName;
  /** More or other flags for the agent. */
  flags?: Record<string, string>;
  /** Variables of the agent's environment, such as `XDG_STATE_HOME`. */
  vars?: Record<string, string>;
  /** The test is about the program itself: a stand-in cannot pass it. */
  agentOnly?: boolean;
}

/** Registers tests; see {@link endToEnd}. */
export interface Register {
  /** A test with an agent of its own in front of the rig. */
  (name: string, options: TestOptions, body: (bench: Bench) => Promise<void>): void;
  (name: string, body: (bench: Bench) => Promise<void>): void;
  /** One test per docker CLI, the CLI added to the name. */
  withEachCli(name: string, body: (bench: Bench) => Promise<void>): void;
  /** A test that starts what it needs by itself. */
  bare(name: string, options: TestOptions, body: (rig: Rig) => Promise<void>): void;
}

/** Makes the rig ready for this file. Call once, at the top of a test file. */
export async function endToEnd(): Promise<Register> {
  const obstacle = unsupported();
  const rig = obstacle === undefined ? await readyRig() : undefined;
  const bare = (plain: string, options: TestOptions, body: (rig: Rig) => Promise<void>) => {
    const way = currentWay();
    if (way?.takes(plain) === false || !suiteTakes(plain)) return;
    const name = [engineName(), way?.name, plain].filter((part) => part !== undefined).join(": ");
    const reason = obstacle ?? missing(options);
    if (rig !== undefined && reason === undefined) Deno.test(name, () => body(rig));
    else Deno.test.ignore(`${name}${SKIPPED_BECAUSE}${reason}]`, () => {});
  };
  const register = (name: string, options: TestOptions, body: (bench: Bench) => Promise<void>) =>
    bare(name, options, (rig) => withBench(rig, options, body));
  return Object.assign(
    (
      name: string,
      second: TestOptions | ((bench: Bench) => Promise<void>),
      third?: (bench: Bench) => Promise<void>,
    ) => {
      if (typeof second === "function") register(name, {}, second);
      else if (third !== undefined) register(name, second, third);
    },
    {
      bare,
      withEachCli(name: string, body: (bench: Bench) => Promise<void>) {
        for (const cli of ["current", "debian"] as const) {
          register(`${name} (${cli} docker CLI)`, { cli }, body);
        }
      },
    },
  );
}

/** The rig that this file has brought up: it is taken down once, whoever asks for it. */
const own: { rig?: Promise<Rig> } = {};

/** The rig, which is brought up unless the runner holds it up already. */
export async function readyRig(): Promise<Rig> {
  const isHeld = Deno.env.has(RIG_UP_VARIABLE) && ownSuite() === undefined;
  if (isHeld && !isPodman()) return await describeRig();
  return await (own.rig ??= broughtUp(isHeld));
}

async function broughtUp(isHeld: boolean): Promise<Rig> {
  const rig = await rigUp();
  if (!isHeld) globalThis.addEventListener("unload", () => rigDown(rig.name));
  return rig;
}

async function withBench(
  rig: Rig,
  options: TestOptions,
  body: (bench: Bench) => Promise<void>,
): Promise<void> {
  const cli = options.cli ?? defaultCli();
  await using agent = await startAgent(rig, options.flags, options.vars);
  await using docker = await agent.docker(cli);
  await using direct = await DockerCli.open(cli, `unix://${rig.directSocket}`);
  try {
    await body({ rig, agent, docker, direct });
  } catch (error) {
    console.log(`The end of the agent's log:\n${tail(agent.logSoFar.output)}`);
    throw error;
  }
}

/** The CLI of tests that do not name one. */
export function defaultCli(): CliName {
  return cliVersion("current") === undefined ? "debian" : "current";
}

function missing(options: TestOptions): string | undefined {
  if (options.agentOnly === true && peerIsSsh()) return "OpenSSH stands in for the agent";
  const { cli } = options;
  if (cli === undefined || cliVersion(cli) !== undefined) return undefined;
  return cli === "current" ? "no docker CLI at /usr/local/bin/docker" : "no docker CLI of Debian";
}

function tail(log: string): string {
  return log.split("\n").slice(-40).join("\n");
}
