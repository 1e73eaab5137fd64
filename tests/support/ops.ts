/** What tests of the operations side share. */
import type { Agent } from "./agent.ts";
import { spawnAgent } from "./agent.ts";
import type { Child, Finished } from "./child.ts";
import { freePort } from "./free_ports.ts";

/** Flags for an operations server, and where it answers. */
export interface OpsPort {
  readonly flags: Record<string, string>;
  readonly url: string;
}

/** An address for the operations server of one agent. */
export function opsPort(flags: Record<string, string> = {}): OpsPort {
  const address = `127.0.0.1:${freePort()}`;
  return { flags: { "ops-listen": address, ...flags }, url: `http://${address}` };
}

/** Asks the operations server. */
export async function ask(
  url: string,
  headers: Record<string, string> = {},
): Promise<{ status: number; type: string; text: string }> {
  const response = await fetch(url, { headers, signal: AbortSignal.timeout(60_000) });
  const type = response.headers.get("Content-Type") ?? "";
  return { status: response.status, type, text: await response.text() };
}

/** As {@link ask}, for JSON. */
// deno-lint-ignore no-explicit-any
export async function askJson(url: string): Promise<any> {
  return JSON.parse((await ask(url)).text);
}

/** Runs `status` so that it sees this agent alone. */
export async function runStatus(agent: Agent, ...flags: string[]): Promise<Finished> {
  await using child = spawnStatus(agent, ...flags);
  const code = await child.wait();
  return { code, stdout: child.stdout, stderr: child.stderr };
}

/** Starts `status`, for a run that goes on. */
export function spawnStatus(agent: Pick<Agent, "runtimeDirectory">, ...flags: string[]): Child {
  const { runtimeDirectory: here } = agent;
  return spawnAgent(["status", ...flags], { XDG_RUNTIME_DIR: here, XDG_STATE_HOME: here });
}
