/**
 * A newer engine through nginx, where there is only the Docker API: BuildKit's own protocol, and folders in
 * volumes, where what is saved and deleted goes through archives, whose rules are the engine's own.
 */
import { goByNginx } from "../support/mtls_way.ts";
import { preferNewerSuite } from "../support/suite.ts";

const TAKEN = [
  /^a build (takes|uses)/,
  /^a failing build/,
  /^Ctrl-C ends a build/,
  /^a second run has/,
  /^what is saved and deleted/,
  /^a file by itself/,
  /^prune/,
];
preferNewerSuite((test) => TAKEN.some((pattern) => pattern.test(test)));
await goByNginx(() => true);
await import("./buildkit_test.ts");
await import("./mtls_volumes_test.ts");
