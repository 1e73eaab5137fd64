import { assert, assertEquals, assertRejects } from "../../../../support/assert.ts";
import { AgentError } from "../../../../../lib/errors.ts";
import { preferKnown } from "../../../../../lib/transport/ssh/host_key/host_key.ts";
import type { ResolvedSsh } from "../../../../../lib/transport/ssh/settings.ts";
import { utils } from "../../../../../lib/transport/ssh/ssh2.ts";
import {
  connect,
  hostOf,
  makeKey,
  publicLine,
  startServer,
  temporaryDirectory,
  type TestServer,
} from "../fixture.ts";

const accept = { authenticate: (context: { accept(): void }) => context.accept() };

/**
 * Connects to `server` with a known_hosts file of the given content and returns what is then in it.
 */
async function connectKnowing(
  server: TestServer,
  known: string | undefined,
  changes: Partial<ResolvedSsh>,
): Promise<string> {
  await using directory = await temporaryDirectory();
  const file = `${directory.path}/.ssh/known_hosts`;
  if (known !== undefined) {
    await Deno.mkdir(`${directory.path}/.ssh`);
    await Deno.writeTextFile(file, known);
  }
  await using transport = await connect(
    hostOf(server.port, { userKnownHostsFiles: [file], ...changes }),
  );
  await transport.facts;
  if (known === undefined) {
    assertEquals((await Deno.stat(file)).mode! & 0o777, 0o600);
    assertEquals((await Deno.stat(`${directory.path}/.ssh`)).mode! & 0o777, 0o700);
  }
  return await Deno.readTextFile(file);
}

async function refusal(...args: Parameters<typeof connectKnowing>): Promise<AgentError> {
  const error = await assertRejects(() => connectKnowing(...args), AgentError) as AgentError;
  assertEquals(error.kind, "host-key");
  return error;
}

Deno.test("a known key is accepted and nothing is written", async () => {
  await using server = await startServer(accept);
  for (const name of [`[127.0.0.1]:${server.port}`, "127.0.0.1", "*"]) {
    const known = `${name} ${server.publicKey}\n`;
    assertEquals(await connectKnowing(server, known, { strict: "yes" }), known);
  }
});

Deno.test("a new key is refused when strict, and says what it is", async () => {
  await using server = await startServer(accept);
  const error = await refusal(server, "", { strict: "yes" });
  assert(
    /^Host key of "127\.0\.0\.1" is not known: it offers ssh-ed25519 SHA256:/.test(error.message),
  );
  assert(error.hint?.includes("--ssh-strict-host-key-checking accept-new"));
});

Deno.test("a new key is added once, after the lines that are there", async () => {
  await using server = await startServer(accept);
  const line = `[127.0.0.1]:${server.port} ${server.publicKey}\n`;
  for (const strict of ["accept-new", "no"] as const) {
    assertEquals(await connectKnowing(server, undefined, { strict }), line);
    assertEquals(await connectKnowing(server, "# mine", { strict }), `# mine\n${line}`);
    assertEquals(await connectKnowing(server, line, { strict }), line);
  }
  const alias = await connectKnowing(server, "", { strict: "no", hostKeyAlias: "Box" });
  assertEquals(alias, `box ${server.publicKey}\n`);
  const hashed = await connectKnowing(server, "", { strict: "no", hashKnownHosts: true });
  assert(hashed.startsWith("|1|"));
  assertEquals(await connectKnowing(server, hashed, { strict: "yes" }), hashed);
});

Deno.test("a changed key stops everything, however lenient the settings", async () => {
  await using server = await startServer(accept);
  const other = publicLine(makeKey().private);
  const name = `[127.0.0.1]:${server.port}`;
  for (const strict of ["yes", "accept-new", "no"] as const) {
    const error = await refusal(server, `\n${name} ${other}\n`, { strict });
    const fingerprints = error.message.match(/SHA256:[A-Za-z0-9+/]{43}/g) ?? [];
    assertEquals(new Set(fingerprints).size, 2);
    assert(error.message.includes("known_hosts:2)"));
    assert(error.hint?.includes(`-R "${name}"`));
  }
});

Deno.test("revoked keys and mere authorities are refused", async () => {
  await using server = await startServer(accept);
  const revoked = await refusal(server, `@revoked * ${server.publicKey}\n`, { strict: "no" });
  assert(revoked.message.includes("is revoked") && revoked.message.includes("known_hosts:1"));
  const authority = await refusal(server, `@cert-authority * ${server.publicKey}\n`, {
    strict: "no",
  });
  assert(authority.message.includes("host certificates are not supported"));
});

Deno.test("of several host keys a known one is asked for", async () => {
  const rsa = utils.generateKeyPairSync("rsa", { bits: 2048 }).private;
  await using server = await startServer({ ...accept, hostKeys: [rsa, makeKey().private] });
  const known = `127.0.0.1 ${publicLine(rsa)}\n`;
  assertEquals(await connectKnowing(server, known, { strict: "yes" }), known);
});

Deno.test("known key types come first in what is offered", () => {
  const usual = preferKnown([]);
  assertEquals(usual[0], "ssh-ed25519");
  assertEquals(preferKnown(["ssh-rsa", "unheard-of"]).slice(0, 3), [
    "rsa-sha2-512",
    "rsa-sha2-256",
    "ssh-ed25519",
  ]);
  assertEquals(new Set(preferKnown(["ecdsa-sha2-nistp256"])), new Set(usual));
  assert(!usual.includes("ssh-rsa"));
});
