/** Logs of Podman, where a terminal's have times that could not be told from the text. */
import { resume } from "../../../../lib/intercept/resume/resume.ts";
import { configureLogging } from "../../../../lib/log.ts";
import { assertEquals, assertStringIncludes } from "../../../support/assert.ts";
import { readUntil, say } from "../../../support/duplex.ts";
import { bench } from "../../../support/engine.ts";

configureLogging({ level: "error", format: "text", write: () => {} });

const LOGS = "/containers/x/logs?follow=1&stdout=1";

/** What the engine is asked, when a client that has asked for something before asks for logs. */
async function askedFor(headers: string, isTerminal: boolean, logs = LOGS): Promise<string[]> {
  const b = bench({ warm: 0, interceptors: [resume(() => undefined)] });
  try {
    const client = b.connect();
    await say(client, "GET /info HTTP/1.1\r\nHost: d\r\n\r\n");
    const answer = async (body: string) => {
      const engine = await b.accept(); // none is kept: see `warm`
      const head = `HTTP/1.1 200 OK\r\n${headers}Content-Length: ${body.length}\r\n\r\n`;
      const [line = ""] = (await readUntil(engine, "\r\n\r\n")).split("\r\n");
      await say(engine, head + body);
      return line.replace(/ HTTP.*/, "");
    };
    await answer("{}");
    await readUntil(client, "{}");
    await say(client, `GET ${logs} HTTP/1.1\r\nHost: d\r\n\r\n`);
    const asked = [await answer(`{"Config":{"Tty":${isTerminal}}}`)];
    if (asked[0]?.includes("/json")) asked.push(await answer("2026-11-21T14:41:20Z "));
    await readUntil(client, "\r\n\r\n");
    return asked;
  } finally {
    await b.end();
  }
}

Deno.test("times are asked for where they can be told from the text", async () => {
  const podman = "Api-Version: 1.41\r\nLibpod-Api-Version: 5.4.2\r\n";
  const inspection = "GET /containers/x/json";
  assertEquals(await askedFor(podman, true), [inspection, `GET ${LOGS}`]);
  const [first, second = ""] = await askedFor(podman, false);
  assertEquals(first, inspection);
  assertStringIncludes(second, "timestamps=1");
  // One that asks for times gets them as they are, and an engine by Docker writes whole lines.
  const wanted = `${LOGS}&timestamps=1`;
  assertEquals(await askedFor(podman, true, wanted), [`GET ${wanted}`]);
  assertEquals(await askedFor("Api-Version: 1.41\r\n", true), [`GET ${wanted}`]);
});
