import { knownAddress, localAddresses } from "../../../lib/net/local_addresses.ts";
import { assert, assertEquals } from "../../support/assert.ts";

Deno.test("this machine has the address it talks to itself with", async () => {
  assert(localAddresses().has("127.0.0.1"));
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  using client = await Deno.connect({ hostname: "127.0.0.1", port: listener.addr.port });
  (await listener.accept()).close();
  assertEquals(knownAddress(client.localAddr.hostname), "127.0.0.1");
});

const ADDRESSES = new Set(["10.0.0.7", "fe80::1", "2001:db8::7"]);
const KNOWN: [address: string, known: string | undefined][] = [
  ["10.0.0.7", "10.0.0.7"],
  ["::ffff:10.0.0.7", "10.0.0.7"],
  ["fe80::1%eth0", "fe80::1"],
  ["2001:db8::7", "2001:db8::7"],
  ["10.0.0.8", undefined],
  ["", undefined],
];
for (const [address, known] of KNOWN) {
  Deno.test(`a connection from "${address}" goes out from ${known ?? "nobody knows where"}`, () => {
    assertEquals(knownAddress(address, ADDRESSES), known);
  });
}
