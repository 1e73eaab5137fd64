/** Facts about the machine and the programs measured, without which figures mean nothing. */
import { ApiConnection } from "./api_connection.ts";
import type { Peer } from "./peers/peer.ts";

/** Name and value, in the order shown. */
export type Facts = Record<string, string>;

/** Gathers the facts; `direct` tells the engine's version. */
export async function gatherFacts(direct: Peer): Promise<Facts> {
  const cpu = /^model name\s*: (.*)$/m.exec(await Deno.readTextFile("/proc/cpuinfo"))?.[1];
  return {
    date: new Date().toISOString().slice(0, 10),
    cores: `${navigator.hardwareConcurrency} (${cpu ?? Deno.build.arch})`,
    memory: `${Math.round(Deno.systemMemoryInfo().total / 1024 ** 3)} GiB`,
    kernel: Deno.osRelease(),
    deno: Deno.version.deno,
    "docker CLI": await firstLine("docker", ["--version"]),
    engine: await engineVersion(direct),
    OpenSSH: await firstLine("ssh", ["-V"]),
    "load when the run began": Deno.loadavg()[0]?.toFixed(1) ?? "unknown",
  };
}

async function firstLine(command: string, args: string[]): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(command, { args, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return `${decoder.decode(stdout)}${decoder.decode(stderr)}`.split("\n")[0] ?? "";
}

async function engineVersion(direct: Peer): Promise<string> {
  const connection = new ApiConnection(await direct.dial());
  try {
    const { body } = await connection.request("GET", "/version");
    return String((JSON.parse(body) as { Version?: unknown }).Version);
  } finally {
    await connection.close();
  }
}
