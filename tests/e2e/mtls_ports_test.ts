/** The tests of published ports, through a guest in the place of SSH. */
import { goByGuest } from "../support/mtls_way.ts";

// Without an interpreter there is no UDP over SSH; the guest carries it by itself.
await goByGuest(8441, (test) => !/debian docker CLI|without an interpreter/.test(test));
await import("./ports_publish_test.ts");
await import("./ports_udp_test.ts");
