/** `env NAME`: what a shell is to run so that docker finds a remote host. Asks nobody. */
import { type HostSettings, loadSettings } from "../../config/configuration.ts";
import { loadValues } from "../../config/load.ts";
import type { Place } from "../../config/paths.ts";
import type { Values } from "../../config/schema.ts";
import { AgentError } from "../../errors.ts";
import { formatDockerHost, isLoopback, parseListenAddress } from "../../net/address.ts";
import { shellQuote } from "../../transport/posix_shell.ts";
import { logTo } from "../logging.ts";
import type { CommandRun } from "./command.ts";

/** The shells whose words we know. */
export type ShellName = NonNullable<Values["shell"]>;

/** Variables that would keep docker from a plain connection. */
const IN_THE_WAY = ["DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/** Returns the exit code 0. Throws `AgentError`. */
export async function runEnv({ invocation, sources, system }: CommandRun): Promise<number> {
  logTo(system, "warn");
  const { places: [name] = [] } = invocation;
  const { values } = await loadValues(sources);
  const host = await loadSettings({ ...sources, command: "start" }, name);
  const shell = values.shell ?? shellOf(system.place);
  const unset = IN_THE_WAY.filter((variable) => system.place.env[variable]);
  system.out(renderEnv(clientAddress(host), unset, shell, name));
  return 0;
}

/** Where this user's docker reaches a host: the first address that needs no certificate. */
export function clientAddress({ listen }: HostSettings): string {
  for (const text of listen) {
    const address = parseListenAddress(text);
    const isLocal = address.kind !== "tcp" || (isLoopback(address.host) && address.port !== 0);
    if (isLocal) return formatDockerHost(address);
  }
  throw new AgentError("config", "The host has no address that is for this machine and stays", {
    hint: "add one, such as listen: unix://~/.docker/run/gpu.sock",
  });
}

/** The shell in use, as far as variables tell. */
export function shellOf({ platform, env }: Place): ShellName {
  const shell = (env["SHELL"] ?? "").replace(/^.*[\\/]/, "").replace(/\.exe$/i, "");
  if (platform === "windows") return shell === "" ? "powershell" : "sh";
  // PowerShell hands this on to whatever it starts.
  if (env["PSModulePath"] !== undefined || shell === "pwsh") return "powershell";
  return shell === "fish" ? "fish" : "sh";
}

/** Lines for the shell, the last one a comment that says how to have it run them. */
function renderEnv(
  address: string,
  unset: readonly string[],
  shell: ShellName,
  name?: string,
): string {
  const command = `remote-docker-agent env${name === undefined ? "" : ` ${name}`}`;
  const lines = {
    sh: () => [
      ...unset.map((variable) => `unset ${variable}`),
      `export DOCKER_HOST=${shellQuote(address)}`,
      `# eval "$(${command})"`,
    ],
    fish: () => [
      ...unset.map((variable) => `set -e ${variable}`),
      `set -gx DOCKER_HOST '${address.replaceAll(/[\\']/g, (c) => `\\${c}`)}'`,
      `# ${command} | source`,
    ],
    powershell: () => [
      ...unset.map((variable) => `Remove-Item Env:${variable}`),
      `$env:DOCKER_HOST = '${address.replaceAll("'", "''")}'`,
      `# ${command} | Out-String | Invoke-Expression`,
    ],
    cmd: () => [
      ...unset.map((variable) => `set ${variable}=`),
      `set DOCKER_HOST=${address}`,
      `rem for /f "delims=" %i in ('${command} --shell cmd') do @%i`,
    ],
  };
  return lines[shell]().map((line) => `${line}\n`).join("");
}
