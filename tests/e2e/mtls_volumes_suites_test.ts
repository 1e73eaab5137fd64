/**
 * The tests of bind mounts, through a gateway that offers the Docker API alone: they hold, but for what
 * needs a file to stay in its place.
 */
import { goByNginx } from "../support/mtls_way.ts";

// A volume has no propagation, and its folder the owner that it has here. And the gateway loses what
// comes after the end of a standard input.
const LEFT_OUT = /debian docker CLI|single file|with its options|as 1000|standard input/;
await goByNginx((test) => !LEFT_OUT.test(test));
await import("./binds_mount_test.ts");
await import("./binds_content_test.ts");
await import("./binds_views_test.ts");
