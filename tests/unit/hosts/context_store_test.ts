import { join } from "node:path";
import { ContextStates } from "../../../lib/hosts/context_states.ts";
import { ContextStore } from "../../../lib/hosts/context_store.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";

const GPU = { name: "gpu", endpoint: "unix:///run/gpu.sock", description: "gpu: up" };
/** Where docker itself keeps the context "gpu". */
const META =
  "contexts/meta/e3c5ba51dba85ab0c990db5e309f4d7bdb282470fb02aee75b9022c1399e91c8/meta.json";

async function inFolder(body: (folder: string, store: ContextStore) => Promise<void>) {
  const folder = await Deno.makeTempDir({ prefix: "rda-docker-" });
  try {
    await body(folder, new ContextStore(folder));
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a context is made, described, and removed where docker keeps it", async () => {
  await inFolder(async (folder, store) => {
    assertEquals([await store.list(), await store.current()], [[], "default"]);
    await store.add(GPU);
    const meta = JSON.parse(await Deno.readTextFile(join(folder, META)));
    assertEquals([meta.Name, meta.Endpoints.docker.Host], ["gpu", GPU.endpoint]);
    assertEquals(await store.describe("gpu", "gpu: down"), true);
    assertEquals(await store.list(), [{ ...GPU, description: "gpu: down" }]);
    await store.remove("gpu");
    assertEquals(await store.list(), []);
    assertEquals(await store.describe("gpu", "gone"), false);
  });
});

Deno.test("a context that is not ours is left alone", async () => {
  await inFolder(async (folder, store) => {
    const theirs = '{"Name":"gpu","Metadata":{"Description":"mine"},"Endpoints":{}}';
    await Deno.mkdir(join(folder, META, ".."), { recursive: true });
    await Deno.writeTextFile(join(folder, META), theirs);
    await assertRejects(() => store.add(GPU), AgentError, "not one of ours");
    await assertRejects(() => store.remove("gpu"), AgentError, "not one of ours");
    await assertRejects(() => store.use("gpu"), AgentError, "not one of ours");
    assertEquals(await store.describe("gpu", "x"), false);
    assertEquals(await store.list(), []);
    assertEquals(await Deno.readTextFile(join(folder, META)), theirs);
  });
});

Deno.test("using a context keeps all else that docker remembers", async () => {
  await inFolder(async (folder, store) => {
    await store.add(GPU);
    const config = join(folder, "config.json");
    await Deno.writeTextFile(config, '{"auths":{"r":{"auth":"x"}},"big":12345678901234567890}');
    await Deno.chmod(config, 0o600);
    await store.use("gpu");
    assertEquals(
      await Deno.readTextFile(config),
      '{\n\t"auths": {\n\t\t"r": {\n\t\t\t"auth": "x"\n\t\t}\n\t},\n' +
        '\t"big": 12345678901234567890,\n\t"currentContext": "gpu"\n}',
    );
    assertEquals((await Deno.stat(config)).mode! & 0o777, 0o600);
    await assertRejects(() => store.remove("gpu"), AgentError, 'Context "gpu" is in use');
    await store.use("default");
    assertEquals(JSON.parse(await Deno.readTextFile(config)).currentContext, undefined);
    await store.remove("gpu");
    await assertRejects(() => store.use("gpu"), AgentError, 'There is no context "gpu"');
  });
});

Deno.test("what cannot be read is said, and not written over", async () => {
  await inFolder(async (folder, store) => {
    await store.add(GPU);
    await Deno.writeTextFile(join(folder, "config.json"), "{");
    await assertRejects(() => store.use("gpu"), AgentError, "it is not valid JSON");
    assertEquals(await Deno.readTextFile(join(folder, "config.json")), "{");
  });
});

Deno.test("descriptions follow the state of hosts, and end with the program", async () => {
  await inFolder(async (_folder, store) => {
    await store.add(GPU);
    const states = new ContextStates(store);
    const gpu = { name: "gpu", address: "ssh://gpu", state: "connecting" };
    states.update([gpu, { name: "cpu", address: "", state: "up" }]);
    states.update([{ ...gpu, state: "up" }]);
    await states.close([]);
    const [up] = await store.list();
    assertEquals(up?.description, "gpu: ssh://gpu, up (remote-docker-agent)");
    await states.close([gpu]);
    const [over] = await store.list();
    assertEquals(over?.description, "gpu: ssh://gpu, not served (remote-docker-agent)");
  });
});
