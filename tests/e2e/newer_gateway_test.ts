/** BuildKit, compose, ports and folders with a newer engine, through a gateway with a guest behind it. */
import { goByGateway } from "../support/mtls_way.ts";
import { preferNewerSuite } from "../support/suite.ts";

preferNewerSuite();
await goByGateway(8454, () => true);
await import("./buildkit_test.ts");
await import("./ports_compose_test.ts");
await import("./binds_compose_test.ts");
