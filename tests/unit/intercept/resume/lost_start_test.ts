/** `docker run --rm` whose start is lost on the way: nobody waits for ever for a container that never ran. */
import { ReplyError } from "../../../../lib/docker/error_reply.ts";
import type { Interceptor } from "../../../../lib/docker/exchange.ts";
import { AgentError } from "../../../../lib/errors.ts";
import { collect } from "../../../../lib/http/message.ts";
import { resume } from "../../../../lib/intercept/resume/resume.ts";
import { assertEquals, assertRejects } from "../../../support/assert.ts";
import { ask, type EngineRequest, type Reply, send } from "../../../support/onion.ts";

const ID = "c".repeat(64);
const REMOVAL = `DELETE /containers/${ID}?v=1`;

/** An engine with one container, to which no start comes through. */
function engineWith(status: string, autoRemove: boolean) {
  const requests: string[] = [];
  const body = { State: { Status: status }, HostConfig: { AutoRemove: autoRemove } };
  const answer = ({ method, target }: EngineRequest): Reply => {
    requests.push(`${method} ${target}`);
    if (target.endsWith("/start")) throw new ReplyError(502, "Lost");
    if (method === "DELETE") return status === "created" ? { status: 204 } : { status: 409 };
    return { status: 200, body };
  };
  return { requests, answer };
}

/** The first wait is cut off when it is read. */
const cutWait: Interceptor = async (exchange, next) => {
  const response = await next();
  if (exchange.route?.name !== "ContainerWait") return response;
  const lost = new AgentError("lost", "Cut by the test");
  return { ...response, framing: { kind: "chunked" }, body: { read: () => Promise.reject(lost) } };
};

for (
  const [what, status, autoRemove, isRemoved] of [
    ["that has not come to the engine leaves nothing behind", "created", true, true],
    ["of a container that is to stay removes nothing", "created", false, false],
    ["that has come to the engine is left alone", "running", true, false],
  ] as const
) {
  Deno.test(`a lost start ${what}`, async () => {
    const { requests, answer } = engineWith(status, autoRemove);
    const layers = [resume(() => ({}))];
    const starting = ask(layers, answer, `POST /containers/${ID}/start`);
    await assertRejects(() => starting, ReplyError, "Lost");
    assertEquals(requests.includes(REMOVAL), isRemoved);
  });
}

Deno.test("whoever waits for the removal of a container whose start was lost is told of its end", async () => {
  const { requests, answer } = engineWith("created", true);
  const layers = [resume(() => undefined), cutWait];
  const wait = await send(layers, answer, `POST /containers/${ID}/wait?condition=removed`);
  const starting = ask(layers, answer, `POST /containers/${ID}/start`);
  await assertRejects(() => starting, ReplyError, "Lost");
  assertEquals(requests.includes(REMOVAL), false, "the host is away");
  const text = new TextDecoder().decode(await collect(wait.body, 1024));
  assertEquals(JSON.parse(text), { StatusCode: 128 });
  assertEquals(requests.includes(REMOVAL), true);
});
