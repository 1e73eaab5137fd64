/** Whether a stream that has ended, as far as can be told, is over: what the engine is asked. */
import type { Exchange } from "../../../../lib/docker/exchange.ts";
import { LostStreams } from "../../../../lib/intercept/resume/lost_streams.ts";
import { resume } from "../../../../lib/intercept/resume/resume.ts";
import {
  containerGoesOn,
  execGoesOn,
  fateOf,
  type GoesOn,
} from "../../../../lib/intercept/resume/stream_end.ts";
import { assert, assertEquals, assertRejects } from "../../../support/assert.ts";
import { type EngineRequest, exchangeOf, type Reply, send } from "../../../support/onion.ts";

/** 2026-01-02, 03:04:05 by the engine's clock. */
const DATE = "Fri, 02 Jan 2026 03:04:05 GMT";
const EXEC = "POST /v1.51/exec/e%201/start";
const ATTACH = "POST /containers/web/attach?stream=1";

Deno.test("the engine is asked about an exec or a container by the version and id of the client", async () => {
  const asked: string[] = [];
  const again = ({ method, target }: EngineRequest) => {
    asked.push(`${method} ${target}`);
    return { status: 404, body: { message: "gone" }, date: DATE };
  };
  assertEquals(await execGoesOn(exchangeOf(EXEC, { again }), 5_000), false);
  assertEquals(await containerGoesOn(exchangeOf(ATTACH, { again }), 5_000), false);
  assertEquals(asked, ["GET /v1.51/exec/e%201/json", "GET /containers/web/json"]);
});

const EXECS: readonly [reply: Reply, goesOn: boolean][] = [
  [{ status: 200, body: { Running: true } }, true],
  [{ status: 200, body: { Running: false, ExitCode: 0 } }, false],
  [{ status: 200, body: { Running: "true" } }, false],
  [{ status: 200, body: {} }, false],
  [{ status: 200, body: [] }, false],
];

Deno.test("an exec goes on while its command runs", async () => {
  for (const [reply, goesOn] of EXECS) {
    const exchange = exchangeOf(EXEC, { again: () => reply });
    assertEquals(await execGoesOn(exchange, 5_000), goesOn, JSON.stringify(reply));
  }
});

Deno.test("an answer that is not the engine's is none, and then a stream has not ended well", async () => {
  for (const status of [500, 502, 503, 403]) {
    const exchange = exchangeOf(EXEC, { again: () => ({ status, body: { Running: false } }) });
    await assertRejects(() => execGoesOn(exchange, 5_000), Error, `status ${status}`);
    const { fate } = await streamOf(EXEC, true, () => ({ status, body: {} }));
    assertEquals(await fate?.isCut(2_000), true);
  }
});

const NEVER = "0001-01-01T00:00:00Z";
const CONTAINERS: readonly [state: unknown, date: string | undefined, goesOn: boolean][] = [
  [{ Running: true, FinishedAt: NEVER }, DATE, true],
  [{ Running: true }, DATE, true],
  [{ Running: false, FinishedAt: NEVER }, DATE, false],
  [{ FinishedAt: NEVER }, DATE, false],
  [undefined, DATE, false],
  // The stream began five seconds ago; a container that ended since then was started again.
  [{ Running: true, FinishedAt: "2026-01-02T03:03:59.9Z" }, DATE, true],
  [{ Running: true, FinishedAt: "2026-01-02T03:04:00Z" }, DATE, false],
  [{ Running: true, FinishedAt: "2026-01-02T03:04:04Z" }, DATE, false],
  [{ Running: true, FinishedAt: "2026-01-02T03:04:04Z" }, undefined, true],
];

Deno.test("a container goes on if it runs and did so all the time", async () => {
  for (const [State, date, goesOn] of CONTAINERS) {
    const reply = { status: 200, body: { State }, ...(date !== undefined && { date }) };
    const exchange = exchangeOf(ATTACH, { again: () => reply });
    assertEquals(await containerGoesOn(exchange, 5_000), goesOn, JSON.stringify([State, date]));
  }
});

/** The fate of a stream of `web`, and what is known of it afterwards. */
function fate(asks: boolean, goesOn: GoesOn) {
  const streams = new LostStreams(() => undefined);
  const told = fateOf(streams, exchangeOf(ATTACH), asks, goesOn);
  return { told, streams, end: () => streams.endOf("web") };
}

const yes: GoesOn = () => Promise.resolve(true);
const no: GoesOn = () => Promise.resolve(false);
const fails: GoesOn = () => Promise.reject(new Error("No answer"));

Deno.test("an end is asked about only where a proxy may have made it, and after a while", async () => {
  const cases: [asks: boolean, goesOn: GoesOn, ms: number, isCut: boolean][] = [
    [true, yes, 1_000, true],
    [true, yes, 999, false],
    [true, no, 60_000, false],
    // Where nobody knows, it is no good end.
    [true, fails, 60_000, true],
    [true, fails, 0, false],
    [false, yes, 60_000, false],
  ];
  for (const [asks, goesOn, ms, isCut] of cases) {
    const { told, end } = fate(asks, goesOn);
    assertEquals(await told.isCut(ms), isCut);
    assertEquals(end(), asks ? "seeming" : undefined);
  }
});

Deno.test("a stream is open from its beginning to its end, and a lost one is remembered", async () => {
  const { told, streams, end } = fate(true, no);
  told.over();
  told.begun();
  let isOver = false;
  const over = streams.whenOver("web", 60_000).then(() => isOver = true);
  await Promise.resolve();
  assertEquals([isOver, end()], [false, undefined]);
  told.lost();
  told.over();
  told.over();
  assertEquals([await over, end()], [true, "cut"]);
});

/** What the interceptor makes of a request that becomes a stream. */
async function streamOf(line: string, endSilently: boolean, again: () => Reply): Promise<Exchange> {
  let seen: Exchange | undefined;
  const connection = { streams: { endSilently } };
  const layer = resume(() => connection);
  const keep: typeof layer = (exchange, next) => {
    seen = exchange;
    return next();
  };
  await send([keep, layer], () => ({ status: 101 }), line, { again });
  assert(seen !== undefined);
  return seen;
}

Deno.test("attach and exec are asked about as what they are, where ends may be silent", async () => {
  const running = () => ({ status: 200, body: { Running: true } });
  const container = () => ({ status: 200, body: { State: { Running: true } } });
  const cases: [line: string, endSilently: boolean, again: () => Reply, isCut: boolean][] = [
    [EXEC, true, running, true],
    [EXEC, true, container, false],
    [EXEC, false, running, false],
    [ATTACH, true, container, true],
    [ATTACH, true, running, false],
    [ATTACH, false, container, false],
  ];
  for (const [line, endSilently, again, isCut] of cases) {
    const { fate } = await streamOf(line, endSilently, again);
    assertEquals(await fate?.isCut(2_000), isCut, `${line} ${endSilently}`);
  }
  assertEquals((await streamOf("GET /info", true, running)).fate, undefined);
});
