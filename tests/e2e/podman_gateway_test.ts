/** Podman through a gateway with a guest behind it: commands, ports and folders. */
import { goByGateway } from "../support/mtls_way.ts";
import { preferPodman } from "../support/suite.ts";

const TAKEN = [
  /^run keeps/,
  /^exec ends/,
  /^compose up publishes/,
  /^two services share/,
];
preferPodman((test) =>
  !test.includes("debian docker CLI") && TAKEN.some((pattern) => pattern.test(test))
);
await goByGateway(8456, () => true);
await import("./run_test.ts");
await import("./exec_attach_test.ts");
await import("./ports_compose_test.ts");
await import("./binds_compose_test.ts");
