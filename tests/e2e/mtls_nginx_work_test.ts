/** Streams, builds, transfers and many at once, through nginx in the place of a gateway of ours. */
import { goByNginx } from "../support/mtls_way.ts";

// Its answers have fields of its own, and without a guest there are warnings.
const LEFT_OUT =
  /debian docker CLI|^raw requests|refuses is refused|^a port that is taken|run against/;
await goByNginx((test) => !LEFT_OUT.test(test));
await import("./streams_test.ts");
await import("./errors_test.ts");
await import("./build_test.ts");
await import("./transfer_test.ts");
await import("./parallel_test.ts");
