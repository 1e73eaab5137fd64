/** A link that fails, through a guest in the place of SSH. */
import { goByGuest } from "../support/mtls_way.ts";

const TAKEN = /^a cut link (is told|ends)|^a container that runs through/;
await goByGuest(8447, (test) => TAKEN.test(test));
await import("./faults_test.ts");
await import("./ports_recovery_test.ts");
