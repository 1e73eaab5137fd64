/** What matters most of the tests that were written for any engine, with a newer one and its own CLI. */
import { preferNewerSuite } from "../support/suite.ts";

const TAKEN = [
  /^run (ends|keeps|-it)/,
  /^a piped standard input/,
  /^exec ends/,
  /^attach shows/,
  /^logs -f/,
  /^events arrive/,
  /^what the engine refuses/,
  /^a (name|port) that is taken/,
  /^raw requests/,
  /^version, info/,
  /^-p 8080:80 answers/,
  /^-P publishes/,
  /^stop refuses/,
  /^inspect shows/,
  /^lists show/,
  /^events do not carry/,
  /^compose up publishes/,
  /^two services share/,
  /^a directory, in both/,
  /^ro: the container/,
  /^--mount type=bind/,
  /^docker ps --filter volume=/,
  /^docker cp into a mount/,
];
preferNewerSuite((test) =>
  !test.includes("debian docker CLI") && TAKEN.some((pattern) => pattern.test(test))
);
await import("./run_test.ts");
await import("./exec_attach_test.ts");
await import("./streams_test.ts");
await import("./errors_test.ts");
await import("./version_test.ts");
await import("./ports_publish_test.ts");
await import("./ports_lifecycle_test.ts");
await import("./ports_view_test.ts");
await import("./ports_compose_test.ts");
await import("./binds_mount_test.ts");
await import("./binds_content_test.ts");
await import("./binds_views_test.ts");
await import("./binds_compose_test.ts");
