/** Streams, builds, transfers, many at once and compose, through a gateway in the place of SSH. */
import { goByGateway } from "../support/mtls_way.ts";

await goByGateway(8452, (test) => !/debian docker CLI|save and load run against/.test(test));
await import("./streams_test.ts");
await import("./build_test.ts");
await import("./transfer_test.ts");
await import("./parallel_test.ts");
await import("./ports_compose_test.ts");
await import("./binds_compose_test.ts");
