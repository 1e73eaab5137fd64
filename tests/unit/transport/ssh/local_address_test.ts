import { loseWithAddress } from "../../../../lib/transport/ssh/local_address.ts";
import { assertEquals } from "../../../support/assert.ts";
import { until } from "../../../support/poll.ts";

/** A connection that notes why it was lost. */
function connection() {
  const { promise: closed, resolve } = Promise.withResolvers<undefined>();
  const reasons: string[] = [];
  const lose = (why: string) => {
    reasons.push(why);
    resolve(undefined);
  };
  return { closed, lose, reasons };
}

Deno.test("a connection is lost with the address it goes out from", async () => {
  const { closed, lose, reasons } = connection();
  const now = new Set(["10.0.0.7", "127.0.0.1"]);
  let looks = 0;
  const addresses = () => {
    looks++;
    return now;
  };
  loseWithAddress({ closed, lose }, "10.0.0.7", { addresses, lookMs: 1 });
  await until("it is looked several times", () => Promise.resolve(looks > 3));
  assertEquals(reasons, []);
  now.delete("10.0.0.7");
  await closed;
  assertEquals(reasons, ["this machine no longer has the address 10.0.0.7"]);
});

Deno.test("an address that is not known from the beginning is not missed", () => {
  const { closed, lose } = connection();
  // A timer that is left behind fails the test.
  loseWithAddress({ closed, lose }, "10.0.0.8", { addresses: () => new Set(["10.0.0.7"]) });
});
