import { configureLogging, inContext, logger } from "../../../lib/log.ts";
import { assertEquals } from "../../support/assert.ts";

Deno.test("what runs in a context writes its fields, across awaits and scopes", async () => {
  const lines: string[] = [];
  configureLogging({ level: "trace", format: "json", write: (line) => lines.push(line) });
  const work = async (id: string) => {
    logger("proxy").debug(`${id} begins`);
    await Promise.resolve();
    await new Promise((resolve) => setTimeout(resolve));
    logger("transport").with({ lane: "bulk" }).trace(`${id} goes on`);
  };
  await Promise.all([
    inContext({ conn: "a" }, () => work("a")),
    inContext({ conn: "b" }, () => work("b")),
  ]);
  logger("proxy").info("outside");
  configureLogging({ level: "error", format: "text", write: () => {} });
  const seen = lines.map((line) => JSON.parse(line));
  assertEquals(seen.map(({ message, conn }) => [message, conn]), [
    ["a begins", "a"],
    ["b begins", "b"],
    ["a goes on", "a"],
    ["b goes on", "b"],
    ["outside", undefined],
  ]);
  assertEquals([seen[2].scope, seen[2].lane], ["transport", "bulk"]);
});
