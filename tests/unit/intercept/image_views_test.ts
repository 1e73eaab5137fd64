/** Images that were made of containers of ours show none of our labels. */
import { unrewriteBinds } from "../../../lib/intercept/binds/unrewrite.ts";
import { unrewritePorts } from "../../../lib/intercept/ports/unrewrite.ts";
import { assertEquals } from "../../support/assert.ts";
import { ask } from "../../support/onion.ts";

const LAYERS = [
  unrewritePorts({
    owner: "me",
    published: () => undefined,
    foreign: false,
    isFollowed: () => false,
  }),
  unrewriteBinds({
    containers: { recall: () => undefined, known: () => [] },
    sync: { snapshot: () => [] },
    platform: "linux",
  }),
];
const OURS = {
  "remote-docker-agent.ports": '{"owner":"me"}',
  "remote-docker-agent.binds": '{"mounts":[{"source":"/home/me/secret"}]}',
};
const image = (labels: Record<string, string>) => ({
  Id: "sha256:1",
  Labels: { ...labels },
  Config: { Labels: { ...labels } },
  ContainerConfig: { Labels: { ...labels } },
});

for (
  const [line, wrap] of [
    ["GET /images/web/json", (one: unknown) => one],
    ["GET /images/json", (one: unknown) => [one]],
    ["GET /system/df", (one: unknown) => ({ Images: [one], Containers: [] })],
  ] as const
) {
  Deno.test(`${line} tells of no label of ours, and of all others`, async () => {
    const body = wrap(image({ own: "1", ...OURS }));
    const reply = await ask(LAYERS, () => ({ status: 200, body }), line);
    assertEquals(reply, { status: 200, body: wrap(image({ own: "1" })) });
  });
}
