/** Questions about a container, as engines answer them. */
import type { Json } from "../../../lib/docker/json_body.ts";
import { AgentError } from "../../../lib/errors.ts";
import { inspectContainer } from "../../../lib/intercept/inspect_container.ts";
import { assertEquals, assertRejects } from "../../support/assert.ts";

const ask = (status: number, body: Json) =>
  inspectContainer(
    { get: () => Promise.resolve({ status, body }) },
    "web",
    (body) => body === "a container" ? body : undefined,
    new AbortController().signal,
  );

Deno.test("a container that is there, and one that is not or is about to go", async () => {
  assertEquals(await ask(200, "a container"), "a container");
  assertEquals(await ask(404, { message: "No such container: web" }), undefined);
  // Podman 4.3, between the death and the removal of a container.
  const message = "container 2ccb does not exist in database: no such container";
  assertEquals(await ask(500, { cause: "no such container", message, response: 500 }), undefined);
});

Deno.test("what is no answer about a container is an error", async () => {
  await assertRejects(() => ask(200, "nonsense"), AgentError, "with 200");
  await assertRejects(() => ask(500, { message: "out of order" }), AgentError, "out of order");
  await assertRejects(() => ask(500, { cause: "x", message: "broken" }), AgentError, "broken");
});
