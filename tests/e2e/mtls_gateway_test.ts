/** Tests of the main job, ports and binds, through a gateway with a guest in the place of SSH. */
import { goByGateway } from "../support/mtls_way.ts";

const TAKEN = [
  /^run ends with the exit code/,
  /^a megabyte of standard input/,
  /^run -it shows a terminal/,
  /^exec ends with the exit code/,
  /^attach shows the container/,
  /^raw requests get the status/,
  /^what the engine refuses/,
  /^-p 8080:80 answers/,
  /^a range of ports/,
  /^-p 7:7\/udp echoes/,
  /^edits travel both ways/,
  /^ro: the container reads/,
  /^both sides edit one file/,
];
await goByGateway(
  8445,
  (test) => !/debian docker CLI/.test(test) && TAKEN.some((each) => each.test(test)),
);
await import("./run_test.ts");
await import("./exec_attach_test.ts");
await import("./errors_test.ts");
await import("./ports_publish_test.ts");
await import("./ports_udp_test.ts");
await import("./binds_mount_test.ts");
await import("./binds_content_test.ts");
