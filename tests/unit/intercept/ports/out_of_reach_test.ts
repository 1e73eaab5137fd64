import type { Interceptor } from "../../../../lib/docker/exchange.ts";
import { portsUnless } from "../../../../lib/intercept/ports/out_of_reach.ts";
import { assertEquals } from "../../../support/assert.ts";
import { ask, type EngineRequest } from "../../../support/onion.ts";

const CREATE = "POST /v1.45/containers/create";

/** The layers, how often each took a request, and what the engine got. */
function bench(why: () => string | undefined) {
  const [taken, bodies]: [string[], unknown[]] = [[], []];
  const usual = (name: string): Interceptor => async (_exchange, next) => {
    taken.push(name);
    return await next();
  };
  const obstacle = () => Promise.resolve(why());
  const engine = ({ body }: EngineRequest) => {
    bodies.push(body);
    return { status: 201, body: { Id: "1", Warnings: ["own"] } };
  };
  const layers = [portsUnless(obstacle, usual("ports")), usual("binds")];
  return {
    taken,
    bodies,
    ask: (line: string, body?: unknown) => ask(layers, engine, line, { body }),
  };
}

const PORTS = { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } };
const BINDS = { Binds: ["/src:/app"] };

Deno.test("what is out of reach is left as it was asked for, and warned of", async () => {
  const ports = "Published ports cannot be reached from here: no guest";
  const cases: [host: unknown, warnings: string[]][] = [
    [PORTS, [ports]],
    [{ PublishAllPorts: true }, [ports]],
    [{ ...PORTS, ...BINDS }, [ports]],
    [BINDS, []],
    [{ Binds: ["data:/data"], PortBindings: {} }, []],
    [undefined, []],
  ];
  for (const [host, warnings] of cases) {
    const { taken, bodies, ask } = bench(() => "no guest");
    const body = { Image: "bb", HostConfig: host };
    assertEquals(await ask(CREATE, body), {
      status: 201,
      body: { Id: "1", Warnings: ["own", ...warnings] },
    });
    assertEquals(taken, ["binds"]);
    assertEquals(bodies, [JSON.parse(JSON.stringify(body))]);
  }
});

Deno.test("what is out of reach is found out for each creation, and other requests go their way", async () => {
  let why: string | undefined = "no guest";
  const { taken, ask } = bench(() => why);
  await ask("POST /containers/1/start");
  assertEquals(taken.splice(0), ["ports", "binds"]);
  await ask(CREATE, { HostConfig: PORTS });
  assertEquals(taken.splice(0), ["binds"]);
  why = undefined;
  assertEquals((await ask(CREATE, { HostConfig: PORTS })).body, { Id: "1", Warnings: ["own"] });
  assertEquals(taken.splice(0), ["ports", "binds"]);
});
