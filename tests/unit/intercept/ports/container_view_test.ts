/** A container as the engine tells of it. */
import { viewOfInspect, wantedBindings } from "../../../../lib/intercept/ports/container_view.ts";
import { encodeLabel, PORTS_LABEL } from "../../../../lib/intercept/ports/label.ts";
import { assert, assertEquals } from "../../../support/assert.ts";

const ENTRY = [{ HostIp: "", HostPort: "8080" }];

Deno.test("a port that was written without its protocol is reserved before the start", () => {
  const asked = { "80": ENTRY, "53/UDP": ENTRY };
  const label = encodeLabel({
    owner: "me",
    mode: "virtual",
    asked,
    publishAll: false,
    exposed: [],
  });
  const view = viewOfInspect({
    Id: "a",
    Name: "/web",
    Config: { Labels: { [PORTS_LABEL]: label } },
    HostConfig: { PortBindings: { ...asked, "80-90/tcp": ENTRY, "": ENTRY } },
    State: { Running: false },
  });
  assert(view !== undefined);
  const ports = wantedBindings(view).map((
    { containerPort, protocol },
  ) => [containerPort, protocol]);
  assertEquals(ports, [[80, "tcp"], [53, "udp"]]);
});
