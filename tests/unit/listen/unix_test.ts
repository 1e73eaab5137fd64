import { AgentError } from "../../../lib/errors.ts";
import { listen } from "../../../lib/listen/listen.ts";
import { parseListenAddress } from "../../../lib/net/address.ts";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "../../support/assert.ts";
import { exists } from "../../support/exists.ts";

const ignore = Deno.build.os === "windows";

async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "listen-" });
  try {
    await body(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

function test(name: string, body: (directory: string) => Promise<void>): void {
  Deno.test({ name, ignore, fn: () => inDirectory(body) });
}

/** Leaves a socket file behind that nobody serves, as a killed process does. */
function leaveStaleSocket(path: string): void {
  const listener = Deno.listen({ transport: "unix", path });
  Deno.renameSync(path, `${path}.kept`);
  listener.close();
  Deno.renameSync(`${path}.kept`, path);
}

async function refusal(path: string): Promise<AgentError> {
  const error = await assertRejects(() => listen({ kind: "unix", path }), AgentError);
  assert(error instanceof AgentError);
  assertEquals(error.kind, "listen");
  assertStringIncludes(error.message, `Cannot listen on "${path}"`);
  assert(error.hint !== undefined);
  return error;
}

test("a Unix listener has mode 0600, serves clients and takes its file away", async (directory) => {
  const path = `${directory}/docker.sock`;
  const mask = Deno.umask();
  const listener = await listen(parseListenAddress(`unix://${path}`));
  assertEquals(Deno.umask(), mask);
  assertEquals((Deno.lstatSync(path).mode ?? 0) & 0o777, 0o600);
  assertEquals(listener.dockerHost, `unix://${path}`);
  listener.serve(async (duplex, info) => {
    await duplex.write(new TextEncoder().encode(info.remote));
    duplex.close();
  });
  const conn = await Deno.connect({ transport: "unix", path });
  assertEquals(await new Response(conn.readable).text(), `unix:${path}`);
  await listener.close();
  await listener.close();
  assertEquals(exists(path), false);
});

test("a stale socket is replaced", async (directory) => {
  const path = `${directory}/docker.sock`;
  leaveStaleSocket(path);
  const before = Deno.lstatSync(path);
  assert(before.isSocket);
  const listener = await listen({ kind: "unix", path });
  listener.serve((duplex) => duplex.close());
  (await Deno.connect({ transport: "unix", path })).close();
  await listener.close();
});

test("a live socket is refused with its owner named, and goes on", async (directory) => {
  const path = `${directory}/docker.sock`;
  const first = await listen({ kind: "unix", path });
  first.serve((duplex) => duplex.close());
  const { message } = await refusal(path);
  const owner = Deno.build.os === "linux" ? `pid ${Deno.pid} (deno)` : "another process";
  assertStringIncludes(message, `address already in use by ${owner}`);
  (await Deno.connect({ transport: "unix", path })).close();
  await first.close();
});

test("a file that is not a socket is refused and kept", async (directory) => {
  const path = `${directory}/file`;
  await Deno.writeTextFile(path, "precious");
  assertStringIncludes((await refusal(path)).message, "not a socket");
  assertEquals(await Deno.readTextFile(path), "precious");
  await Deno.symlink(path, `${directory}/link`);
  assertStringIncludes((await refusal(`${directory}/link`)).message, "not a socket");
  await Deno.mkdir(`${directory}/dir`);
  assertStringIncludes((await refusal(`${directory}/dir`)).message, "not a socket");
});

test("a missing directory and a path that is too long are refused", async (directory) => {
  assertStringIncludes(
    (await refusal(`${directory}/nope/docker.sock`)).message,
    "its directory does not exist",
  );
  await Deno.writeTextFile(`${directory}/file`, "");
  assertStringIncludes(
    (await refusal(`${directory}/file/docker.sock`)).message,
    "its directory does not exist",
  );
  const long = `${directory}/${"ü".repeat(60)}`;
  assertStringIncludes((await refusal(long)).message, "the limit is");
});

test("closing leaves a file alone that has taken our place", async (directory) => {
  const path = `${directory}/docker.sock`;
  const first = await listen({ kind: "unix", path });
  await Deno.remove(path);
  const second = await listen({ kind: "unix", path });
  second.serve((duplex) => duplex.close());
  await first.close();
  (await Deno.connect({ transport: "unix", path })).close();
  assertEquals([...Deno.readDirSync(directory)].map((entry) => entry.name), ["docker.sock"]);
  await second.close();
  assertEquals(exists(path), false);
});

test("closing is harmless when the file is gone already", async (directory) => {
  const path = `${directory}/docker.sock`;
  const listener = await listen({ kind: "unix", path });
  await Deno.remove(path);
  await listener.close();
  assertEquals([...Deno.readDirSync(directory)].length, 0);
});

Deno.test("a named pipe is refused where there are none", { ignore }, async () => {
  const address = parseListenAddress("npipe:////./pipe/docker_remote");
  const error = await assertRejects(() => listen(address), AgentError, "not on Windows");
  assertStringIncludes((error as AgentError).hint ?? "", "unix://");
});
