/** The tests of the main job, through a guest in the place of SSH. */
import { goByGuest } from "../support/mtls_way.ts";

await goByGuest(8440, (test) => !/debian docker CLI/.test(test));
await import("./run_test.ts");
await import("./exec_attach_test.ts");
await import("./streams_test.ts");
await import("./errors_test.ts");
