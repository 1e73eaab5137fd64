import { unexpectedAnswer } from "../../../lib/docker/unexpected_answer.ts";
import type { Json } from "../../../lib/docker/json_body.ts";
import { assertEquals } from "../../support/assert.ts";

const OWN = "The engine answered the list of containers with";
const ANSWERS: [status: number, body: Json, said: string][] = [
  [503, { message: "The engine cannot be reached" }, "The engine cannot be reached"],
  [500, { message: "" }, `${OWN} 500`],
  [500, { message: 7 }, `${OWN} 500`],
  [502, null, `${OWN} 502`],
  [502, "<html>", `${OWN} 502`],
  [200, { message: "no list" }, `${OWN} 200`],
];

for (const [status, body, said] of ANSWERS) {
  Deno.test(`an unexpected answer with ${status} and ${JSON.stringify(body)}`, () => {
    const { kind, message } = unexpectedAnswer("the list of containers", { status, body });
    assertEquals([kind, message], ["engine", said]);
  });
}
