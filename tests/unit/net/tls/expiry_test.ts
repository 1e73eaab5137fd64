import { expiryNotice } from "../../../../lib/net/tls/expiry.ts";
import { assertEquals } from "../../../support/assert.ts";

Deno.test("a certificate is spoken of from two weeks before its end", () => {
  const end = "Nov 23 09:00:00 2026 GMT";
  const hour = 60 * 60 * 1_000;
  const cases: [hoursLeft: number, notice: string | undefined][] = [
    [14 * 24, undefined],
    [14 * 24 - 1, "expires in 13 days"],
    [25, "expires in 1 day"],
    [23, "expires in less than a day"],
    [0, "has expired"],
    [-100, "has expired"],
  ];
  for (const [hoursLeft, notice] of cases) {
    const found = expiryNotice(end, Date.parse(end) - hoursLeft * hour);
    assertEquals(found, notice && `${notice}, on ${end}`);
  }
  assertEquals(expiryNotice("some day", 0), undefined);
});
