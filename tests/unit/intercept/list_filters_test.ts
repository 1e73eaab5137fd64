/** Filters that are about this machine, all together and as clients happen to write them. */
import { unrewriteBinds } from "../../../lib/intercept/binds/unrewrite.ts";
import { unrewritePorts } from "../../../lib/intercept/ports/unrewrite.ts";
import { assertEquals } from "../../support/assert.ts";
import { ask } from "../../support/onion.ts";

const CONTAINER = {
  id: "a",
  name: "web",
  mounts: [{ target: "/x", source: "/src", remote: "/sync/1/data" }],
  running: true,
  autoRemove: false,
};
const LAYERS = [
  unrewritePorts({
    owner: "me",
    published: () => undefined,
    foreign: false,
    isFollowed: () => true,
  }),
  unrewriteBinds({
    containers: { recall: () => CONTAINER, known: () => [CONTAINER] },
    sync: { snapshot: () => [] },
    platform: "linux",
  }),
];

/** The query that the engine gets. */
async function queryOf(line: string): Promise<string> {
  let query = "";
  await ask(LAYERS, ({ target }) => {
    query = target.slice(target.indexOf("?") + 1);
    return { status: 200, body: [] };
  }, line);
  return query;
}

function filters(value: unknown): string {
  return `filters=${encodeURIComponent(JSON.stringify(value))}`;
}

Deno.test("publish= and volume= in one list: the one is taken out, the other widened", async () => {
  const both = filters({ publish: ["80"], volume: ["/src"] });
  const query = new URLSearchParams(await queryOf(`GET /containers/json?all=1&${both}`));
  assertEquals(query.get("all"), "1");
  assertEquals(query.get("filters"), '{"volume":["/src","/sync/1/data"]}');
});

Deno.test("an image of a container is made with both labels emptied", async () => {
  const query = new URLSearchParams(await queryOf("POST /commit?container=web&repo=x"));
  assertEquals(query.getAll("changes"), [
    'LABEL remote-docker-agent.ports=""',
    'LABEL remote-docker-agent.binds=""',
  ]);
  assertEquals(query.get("repo"), "x");
});

for (
  const query of [
    `all=1;x&${filters({ volume: ["/src"] })}`,
    `all=%zz&${filters({ publish: ["80"] })}`,
    `limit=%2&${filters({ publish: ["80"], volume: ["/src"] })}`,
    `limit=x&${filters({ publish: ["80"] })}`,
    `limit=1.0&${filters({ publish: ["80"] })}`,
  ]
) {
  Deno.test(`what is wrong with a query is left for the engine to find: ${query}`, async () => {
    assertEquals(await queryOf(`GET /containers/json?${query}`), query);
  });
}
