/** The tests of bind mounts, through a guest in the place of SSH. */
import { goByGuest } from "../support/mtls_way.ts";

await goByGuest(8442, (test) => !/debian docker CLI/.test(test));
await import("./binds_mount_test.ts");
await import("./binds_content_test.ts");
