/** A start that fails here ends like one that fails at the engine. */
import { ReplyError } from "../../../../lib/docker/error_reply.ts";
import type { Exchange } from "../../../../lib/docker/exchange.ts";
import { matchRoute } from "../../../../lib/docker/route.ts";
import { BindError } from "../../../../lib/forward/bind_error.ts";
import { HeaderList } from "../../../../lib/http/head.ts";
import { bodyOf, type ResponseMessage } from "../../../../lib/http/message.ts";
import type { ContainerPorts } from "../../../../lib/intercept/ports/container_ports.ts";
import { refuseLegacyBinds, refuseLegacyPorts } from "../../../../lib/intercept/legacy_start.ts";
import { portLifecycle } from "../../../../lib/intercept/ports/lifecycle.ts";
import { logger } from "../../../../lib/log.ts";
import { assertEquals, assertRejects, assertStringIncludes } from "../../../support/assert.ts";
import { bytes } from "../../../support/duplex.ts";

const ID = "b".repeat(64);
const CONTAINER = {
  id: ID,
  name: "",
  image: "bb",
  labels: {},
  onHost: false,
  bindings: [{ containerPort: 80, protocol: "tcp", hostIp: "", hostPort: "80" } as const],
};

function exchangeOf(method: string, target: string, body = "", hangUp = () => {}): Exchange {
  const head = {
    method,
    target,
    version: "1.1" as const,
    headers: new HeaderList(),
    raw: bytes(`${method} ${target} HTTP/1.1\r\n\r\n`),
  };
  const framing = body === ""
    ? { kind: "none" } as const
    : { kind: "length", length: body.length } as const;
  return {
    request: { head, framing, body: bodyOf(bytes(body)) },
    route: matchRoute(method, target),
    log: logger("test"),
    signal: new AbortController().signal,
    hangUp,
    again: () => Promise.reject(new Error("No answer was cut short")),
    proceed: () => Promise.resolve(),
  };
}

function responseOf(status: number): ResponseMessage {
  const head = {
    status,
    reason: "",
    version: "1.1" as const,
    headers: new HeaderList(),
    raw: bytes(`HTTP/1.1 ${status} \r\n\r\n`),
  };
  return { head, framing: { kind: "none" }, body: bodyOf(new Uint8Array()) };
}

/** Ports that tell what they are asked, of an engine with the API `version`. */
function portsThat(reserve: () => Promise<void>, version = "1.41", component = "Engine") {
  const told: string[] = [];
  const ports = {
    find: () => Promise.resolve(CONTAINER),
    awaitsStart: () => true,
    reserve: () => (told.push("reserve"), reserve()),
    settle: () => (told.push("settle"), Promise.resolve()),
    settleLater: () => void told.push("settle later"),
    nameOf: () => Promise.resolve("web"),
    removeUnstarted: () => (told.push("remove"), Promise.resolve()),
  };
  const body = { ApiVersion: version, Components: [{ Name: component }] };
  const engine = { get: () => Promise.resolve({ status: 200, body }) };
  const interceptor = portLifecycle(ports as Partial<ContainerPorts> as ContainerPorts, engine);
  return { told, interceptor };
}

Deno.test("the engine is asked after the ports are taken, and answered after they are live", async () => {
  const { told, interceptor } = portsThat(() => Promise.resolve());
  await interceptor(exchangeOf("POST", `/v1.41/containers/${ID}/start`), () => {
    told.push("engine");
    return Promise.resolve(responseOf(204));
  });
  assertEquals(told, ["reserve", "engine", "settle"]);
});

Deno.test("a start whose answer is lost is looked at later", async () => {
  const { told, interceptor } = portsThat(() => Promise.resolve());
  const lost = () => Promise.reject(new ReplyError(502, "lost"));
  const exchange = exchangeOf("POST", `/containers/${ID}/restart`);
  await assertRejects(() => interceptor(exchange, lost), ReplyError, "lost");
  assertEquals(told, ["reserve", "settle later"]);
});

Deno.test("a port that cannot be had: Docker's text, no start, nobody left attached", async () => {
  const subject = { protocol: "tcp", host: "127.0.0.1", port: 80 } as const;
  const { told, interceptor } = portsThat(() =>
    Promise.reject(new BindError("allocated", subject))
  );
  const hungUp: string[] = [];
  const attach = `/containers/${ID}/attach?stream=1`;
  const attached = exchangeOf("POST", attach, "", () => hungUp.push("attached"));
  await interceptor(attached, () => Promise.resolve(responseOf(101)));
  const start = exchangeOf("POST", `/containers/${ID}/start`, "", () => hungUp.push("start"));
  const error = await assertRejects(
    () => interceptor(start, () => Promise.reject(new Error("not reached"))),
    ReplyError,
    `driver failed programming external connectivity on endpoint web (${ID}): ` +
      "Bind for 127.0.0.1:80 failed: port is already allocated",
  );
  assertEquals((error as ReplyError).status, 500);
  assertEquals([told, hungUp], [["reserve", "remove"], ["attached"]]);
});

Deno.test("a port that cannot be had: the words of engines from 28 on", async () => {
  const subject = { protocol: "tcp", host: "::1", port: 80 } as const;
  const prefix = "driver failed programming external connectivity on endpoint web " + `(${ID}): `;
  const table = [
    ["1.47", `${prefix}Error starting userland proxy: listen tcp6 [::1]:80: bind: address `],
    [
      "1.48",
      `failed to set up container networking: ${prefix}failed to bind host port [::1]:80/tcp: address `,
    ],
    ["none", `${prefix}Error starting userland proxy: listen tcp6 [::1]:80: bind: address `],
  ] as const;
  for (const [version, text] of table) {
    const taken = () => Promise.reject(new BindError("in-use", subject));
    const { interceptor } = portsThat(taken, version);
    const error = await assertRejects(
      () => interceptor(exchangeOf("POST", `/containers/${ID}/start`), () => Promise.reject()),
      ReplyError,
    );
    assertEquals(error.message, `${text}already in use`);
  }
});

Deno.test("a port that cannot be had: the words of Podman", async () => {
  const subject = { protocol: "tcp", host: "127.0.0.1", port: 80 } as const;
  for (const reason of ["allocated", "in-use"] as const) {
    const taken = () => Promise.reject(new BindError(reason, subject));
    const { interceptor } = portsThat(taken, "1.41", "Podman Engine");
    await assertRejects(
      () => interceptor(exchangeOf("POST", `/containers/${ID}/start`), () => Promise.reject()),
      ReplyError,
      "cannot listen on the TCP port: listen tcp4 127.0.0.1:80: bind: address already in use",
    );
  }
});

Deno.test("a start that publishes ports is refused where the engine would do it", async () => {
  const start = (version: string, body: string) =>
    refuseLegacyPorts(exchangeOf("POST", `${version}/containers/a/start`, body));
  const ports = `{"PortBindings":{"80/tcp":[{"HostPort":"80"}]}}`;
  for (const body of [ports, `{"publishallports":true}`, "{", `{"PortBindings":[1]}`]) {
    await assertRejects(() => start("/v1.23", body), ReplyError);
  }
  await start("/v1.24", ports);
  await start("", ports);
  await start("/v1.20", `{"Binds":["/a:/b"],"PortBindings":{}}`);
});

Deno.test("a start that brings mounts of paths is refused, with the path", async () => {
  const start = (version: string, body: string) =>
    refuseLegacyBinds(exchangeOf("POST", `${version}/containers/a/start`, body));
  const error = await assertRejects(() => start("/v1.23", `{"Binds":["/a:/b"]}`), ReplyError);
  assertEquals((error as ReplyError).status, 400);
  assertStringIncludes(error.message, "Cannot mount /a:");
  await assertRejects(() => start("/v1.20", "{"), ReplyError);
  await start("/v1.23", `{"Binds":["volume:/b"]}`);
  await start("/v1.23", "");
  await start("/v1.24", `{"Binds":["/a:/b"]}`);
});
