/** Push and pull against a registry beside the engine. */
import { assertEquals, assertStringIncludes } from "../support/assert.ts";
import { sameAsDirect, uniqueName } from "../support/compare.ts";
import { endToEnd } from "../support/e2e.ts";

const test = await endToEnd();

test.withEachCli("an image can be pushed, removed and pulled again", async ({ rig, docker, direct }) => {
  await rig.verb("registry");
  const image = `localhost:5000/${uniqueName("pushed")}:v1`;
  await docker.ok(["tag", "bb", image]);
  assertStringIncludes(await docker.ok(["push", image]), "v1: digest: sha256:");
  await docker.ok(["rmi", image]);
  assertStringIncludes(await docker.ok(["pull", image]), `Downloaded newer image for ${image}`);
  assertEquals(await docker.ok(["run", "--rm", image, "echo", "pulled"]), "pulled");
  await sameAsDirect({ docker, direct }, ["pull", image]);
  await sameAsDirect({ docker, direct }, ["pull", "localhost:5000/no-such-image"]);
  await docker.ok(["rmi", image]);
});
