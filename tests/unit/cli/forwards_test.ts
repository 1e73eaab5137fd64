/** The table of local ports. */
import { renderForwards } from "../../../lib/cli/commands/forwards.ts";
import type { ForwardInfo } from "../../../lib/forward/forward_info.ts";
import { forwardDetails, isForwards, reverseDetails } from "../../../lib/ops/forwards.ts";
import { assertEquals } from "../../support/assert.ts";

const INFO: ForwardInfo = {
  kind: "published",
  container: { id: "0123456789abcdef", name: "web" },
  requested: { containerPort: 80, protocol: "tcp", hostIp: "::1", hostPort: "8080" },
  protocol: "tcp",
  local: { host: "::1", port: 8080 },
  remote: { host: "127.0.0.1", port: 32768 },
  state: "live",
  connections: { open: 1, total: 3 },
  bytes: { sent: 10, received: 2048 },
};

Deno.test("every local port is a row, with a heading when several programs run", () => {
  const web = forwardDetails(INFO);
  const plain = forwardDetails({
    ...INFO,
    kind: "plain",
    container: { id: "plain x", name: "5432:db:5432" },
    requested: { ...INFO.requested, hostIp: "", hostPort: "" },
    remote: undefined,
    state: "reserved",
  });
  const reverse = reverseDetails({
    target: { name: "me", port: 3000 },
    remote: { host: "172.17.0.1", port: 3000 },
    connections: { open: 0, total: 2 },
    bytes: { sent: 0, received: 0 },
  });
  const one = { pid: 7, hosts: ["ssh://gpu"], forwards: [web, plain, reverse] };
  assertEquals(
    renderForwards([one]),
    "CONTAINER      REQUESTED           LOCAL            REMOTE            CONNECTIONS   SENT   RECEIVED   STATE\n" +
      "web            [::1]:8080:80/tcp   [::1]:8080       127.0.0.1:32768   1 of 3        10 B   2.0 kB     live\n" +
      "5432:db:5432   :80/tcp             [::1]:8080       -                 1 of 3        10 B   2.0 kB     reserved\n" +
      "me:3000        reverse             127.0.0.1:3000   172.17.0.1:3000   0 of 2        0 B    0 B        live\n",
  );
  const two = renderForwards([one, { ...one, pid: 8 }]).split("\n");
  assertEquals([two[0], two[6]], ["ssh://gpu (process 7)", "ssh://gpu (process 8)"]);
});

Deno.test("an answer of another kind is not taken for one", () => {
  assertEquals(isForwards({ pid: 1, hosts: [], forwards: [] }), true);
  for (const other of [null, [], {}, { pid: 1, hosts: [] }, { pid: 1, hosts: [], forwards: 2 }]) {
    assertEquals(isForwards(other), false);
  }
});
