/** A host key that is not the known one stops everything. */
import {
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "../support/assert.ts";
import { flagList, rigFlags, spawnAgent, startAgent } from "../support/agent.ts";
import { runOk } from "../support/child.ts";
import { endToEnd } from "../support/e2e.ts";
import type { Rig } from "../support/rig.ts";
import { EXIT_CODES } from "../../lib/errors.ts";
import { exists } from "../support/exists.ts";

const test = await endToEnd();
const agentOnly = true;

async function fingerprint(publicKey: string): Promise<string> {
  return (await runOk("ssh-keygen", ["-lf", publicKey])).split(" ")[1] ?? "";
}

/** Runs an agent against `flags` until it ends by itself. */
async function startAndEnd(flags: Record<string, string>) {
  await using directory = await temporaryDirectory();
  const listen = ["--listen", `unix://${directory.path}/docker.sock`];
  await using child = spawnAgent(["start", ...flagList(flags), ...listen]);
  const code = await child.wait();
  return { code, output: child.output };
}

async function temporaryDirectory() {
  const path = await Deno.makeTempDir({ prefix: "rda-key-" });
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

test.bare("a changed host key is refused with both fingerprints", { agentOnly }, async (rig) => {
  const key = `${rig.root}/etc/ssh/ssh_host_ed25519_key.pub`;
  const before = await fingerprint(key);
  await rig.verb("rotate-hostkey");
  try {
    const after = await fingerprint(key);
    assertNotEquals(after, before);
    const { code, output } = await startAndEnd(rigFlags(rig));
    assertEquals(code, EXIT_CODES["host-key"], output);
    assertEquals([output.includes(before), output.includes(after)], [true, true], output);
  } finally {
    await trustAgain(rig);
  }
});

test.bare("a key that changes under a running agent ends it", { agentOnly }, async (rig) => {
  const agent = await startAgent(rig);
  try {
    await rig.verb("rotate-hostkey");
    const after = await fingerprint(`${rig.root}/etc/ssh/ssh_host_ed25519_key.pub`);
    await rig.verb("drop-sessions");
    assertEquals(await agent.wait(), EXIT_CODES["host-key"], agent.log);
    assertStringIncludes(agent.log.trimEnd().split("\n").at(-1) ?? "", after);
    assertEquals(exists(agent.socket), false);
  } finally {
    await agent.stop();
    await trustAgain(rig);
  }
});

test.bare("an unknown host is refused unless new keys are accepted", { agentOnly }, async (rig) => {
  await using directory = await temporaryDirectory();
  const known = `${directory.path}/known_hosts`;
  await Deno.writeTextFile(known, "");
  const flags = { ...rigFlags(rig), "ssh-known-hosts": known };
  const strict = { ...flags, "ssh-strict-host-key-checking": "yes" };
  const refused = await startAndEnd(strict);
  assertEquals(refused.code, EXIT_CODES["host-key"], refused.output);
  assertEquals(await Deno.readTextFile(known), "");
  const accept = { ...flags, "ssh-strict-host-key-checking": "accept-new" };
  const socket = `${directory.path}/docker.sock`;
  await using agent = spawnAgent(["start", ...flagList(accept), "--listen", `unix://${socket}`]);
  await agent.waitFor(/DOCKER_HOST/);
  assertMatch(await Deno.readTextFile(known), /ssh-ed25519 /);
});

async function trustAgain(rig: Rig): Promise<void> {
  await rig.verb("rotate-hostkey", "--trust");
}
