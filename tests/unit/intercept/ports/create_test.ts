/** The creation of containers, as far as published ports are concerned, in front of an engine. */
import { publishPorts } from "../../../../lib/intercept/ports/create.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";
import { ask, type EngineRequest } from "../../../support/onion.ts";

const CREATE = "POST /containers/create";
const ALL = { Image: "bb", HostConfig: { PublishAllPorts: true } };

/** A layer whose questions about images are answered with `status` and a list of ports. */
function layer(status: number, ports: readonly string[] = []) {
  const exposed = Object.fromEntries(ports.map((key) => [key, {}]));
  return publishPorts({
    ports: { remember() {} },
    engine: {
      get: () => Promise.resolve({ status, body: { Config: { ExposedPorts: exposed } } }),
    },
    policy: { owner: "me", mode: "virtual" },
    warnings: () => Promise.resolve([]),
  });
}

/** What the engine is asked to create, and what the client is told. */
async function created(status: number, ports: readonly string[] = []) {
  const asked: EngineRequest[] = [];
  const refuse = (request: EngineRequest) => {
    asked.push(request);
    return { status: 400, body: { message: "the engine's own words" } };
  };
  const reply = await ask([layer(status, ports)], refuse, CREATE, { body: ALL });
  return { reply, host: (asked[0]?.body as typeof ALL | undefined)?.HostConfig };
}

Deno.test("with -P what the image exposes is published", async () => {
  const { host } = await created(200, ["80/tcp"]);
  const PortBindings = { "80/tcp": [{ HostIp: "127.0.0.1", HostPort: "" }] };
  assertEquals<unknown>(host, { PublishAllPorts: false, PortBindings });
});

for (const [status, why] of [[404, "is not there"], [400, "has a name that is none"]] as const) {
  Deno.test(`with -P and an image that ${why}, the engine says what is wrong`, async () => {
    const { reply, host } = await created(status);
    assertEquals(host, ALL.HostConfig);
    assertEquals(reply, { status: 400, body: { message: "the engine's own words" } });
  });
}

Deno.test("with -P and an engine that fails to tell of the image, nothing is created", async () => {
  await assertRejects(() => created(500), Error, "Cannot find out which ports image bb exposes");
});
