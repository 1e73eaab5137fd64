/** What is under way when the gateway before the remote host is killed and comes back. */
import { goByGateway } from "../support/mtls_way.ts";

// What is told while nobody can be asked needs a gateway that stays away.
await goByGateway(8451, (test) => !/^events go on/.test(test));
await import("./resume_test.ts");
