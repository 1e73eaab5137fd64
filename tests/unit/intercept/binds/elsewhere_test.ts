import { warnOfBinds } from "../../../../lib/intercept/binds/elsewhere.ts";
import { assertEquals } from "../../../support/assert.ts";
import { ask, type EngineRequest } from "../../../support/onion.ts";

const BINDS = { Binds: ["/src:/app"] };
const PORTS = { PortBindings: { "80/tcp": [{ HostPort: "8080" }] } };

Deno.test("bind mounts that nobody syncs are left as they are, and warned of", async () => {
  const warning = "Bind mounts are those of the remote host: no state";
  const cases: [host: unknown, warnings: string[]][] = [
    [BINDS, [warning]],
    [{ Binds: ["C:\\src:/app"] }, [warning]],
    [{ Mounts: [{ Type: "bind", Source: "/src", Target: "/app" }] }, [warning]],
    [{ Binds: ["data:/data"], Mounts: [{ Type: "volume", Target: "/v" }] }, []],
    [PORTS, []],
    [undefined, []],
  ];
  for (const [host, warnings] of cases) {
    const engine = ({ body }: EngineRequest) => {
      assertEquals(body, JSON.parse(JSON.stringify({ HostConfig: host })));
      return { status: 201, body: { Id: "1", Warnings: ["own"] } };
    };
    const layers = [warnOfBinds("no state")];
    assertEquals(
      await ask(layers, engine, "POST /v1.45/containers/create", { body: { HostConfig: host } }),
      {
        status: 201,
        body: { Id: "1", Warnings: ["own", ...warnings] },
      },
    );
  }
});
