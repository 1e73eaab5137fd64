/** Bind mounts through a gateway that offers the Docker API alone: the copies are in volumes. */
import { goByNginx } from "../support/mtls_way.ts";

// A volume is mounted as a folder; and nginx loses what comes after the end of a standard input.
const LEFT_OUT =
  /debian docker CLI|single file|standard input|with its options|nested sources|as 1000/;
await goByNginx((test) => !LEFT_OUT.test(test));
await import("./binds_mount_test.ts");
await import("./binds_content_test.ts");
