import { type ConnectionBounds, fit } from "../../../lib/listen/descriptors.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("connections are as many as descriptors allow", () => {
  const wanted: ConnectionBounds = { handshakes: 1024, clients: 4064 };
  assertEquals(fit(wanted, 20_000), wanted);
  assertEquals(fit(wanted, 4096), { handshakes: 1008, clients: 1512 });
  for (const limit of [0, 70, 256, 1024, 4096, 9215]) {
    const { handshakes, clients } = fit(wanted, limit);
    assert(handshakes >= 1 && clients >= 1, `${limit}`);
    if (limit > 70) assert(64 + handshakes + 2 * clients <= limit, `${limit}`);
  }
});
