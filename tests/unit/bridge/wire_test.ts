import {
  encodeDatagram,
  encodeDestination,
  encodeReply,
  parseDatagram,
  REPLY,
} from "../../../lib/bridge/socks_wire.ts";
import { assertEquals } from "../../support/assert.ts";

const ascii = (text: string) => [...new TextEncoder().encode(text)];

Deno.test("destinations are written by the type they are of (RFC 1928, section 5)", () => {
  const cases: [string, number, number[]][] = [
    ["10.0.0.1", 80, [1, 10, 0, 0, 1, 0, 80]],
    ["::1", 443, [4, ...new Array(15).fill(0), 1, 1, 187]],
    ["web.docker", 65535, [3, 10, ...ascii("web.docker"), 255, 255]],
  ];
  for (const [host, port, bytes] of cases) {
    assertEquals([...encodeDestination({ host, port })], bytes, host);
  }
  assertEquals([...encodeReply(REPLY.connectionRefused)], [5, 5, 0, 1, 0, 0, 0, 0, 0, 0]);
});

Deno.test("a datagram comes back as it was written, whatever its destination is", () => {
  for (const host of ["10.0.0.1", "fd00::7", "web.mynet.docker"]) {
    const to = { host, port: 53 };
    const data = Uint8Array.of(1, 2, 3);
    assertEquals(parseDatagram(encodeDatagram(to, data)), { to, data }, host);
    assertEquals(parseDatagram(encodeDatagram(to, new Uint8Array(0)))?.data.length, 0);
  }
});

Deno.test("fragments, cut datagrams and odd names are nothing", () => {
  const good = encodeDatagram({ host: "web.docker", port: 53 }, Uint8Array.of(1));
  const fragment = good.slice();
  fragment[2] = 1;
  const odd = good.slice();
  odd[5] = 10;
  const type = good.slice();
  type[3] = 9;
  for (const bytes of [fragment, odd, type, good.subarray(0, 12), new Uint8Array(0)]) {
    assertEquals(parseDatagram(bytes), undefined);
  }
  const noPort = encodeDatagram({ host: "web.docker", port: 0 }, Uint8Array.of(1));
  assertEquals(parseDatagram(noPort), undefined);
});
