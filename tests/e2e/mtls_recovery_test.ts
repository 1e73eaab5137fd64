/** Ports and folders through a gateway that is killed and comes back, or cannot be reached. */
import { goByGateway } from "../support/mtls_way.ts";

const TAKEN = [
  /^a lost connection: listeners stay/,
  /^an agent that was killed finds/,
  /^a crashing process/,
  /^a stream lost while the folder/,
  /^killed in the middle of an upload/,
  /^killed while a container writes/,
  /^a cut link: both sides go on/,
  /^sshd restarted/,
];
await goByGateway(
  8453,
  (test) => !/debian docker CLI/.test(test) && TAKEN.some((each) => each.test(test)),
);
await import("./ports_lifecycle_test.ts");
await import("./ports_recovery_test.ts");
await import("./binds_faults_test.ts");
await import("./faults_test.ts");
