import { HostPorts } from "../../../lib/forward/host_ports.ts";
import { listingCommand, parseListing, reachableAt } from "../../../lib/forward/listening.ts";
import type { Shell } from "../../../lib/transport/transport.ts";
import { assertEquals } from "../../support/assert.ts";
import type { Published } from "../../../lib/forward/forward_info.ts";
import type { HostPort } from "../../../lib/forward/client_listener.ts";

const HEAD =
  "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
const row = (local: string, state: string, inode: number) =>
  `   0: ${local} 00000000:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 100 0 0 10 0\n`;

const id = "c".repeat(64);
const web = { id, name: "web" };
const SSHD = row("00000000:0016", "0A", 1);

Deno.test("the kernel's tables: addresses, ports, only what listens", () => {
  const output = HEAD + SSHD + row("0100007F:1F90", "0A", 2) +
    row("0100007F:1F91", "01", 3) + HEAD +
    row("00000000000000000000000000000000:2328", "0A", 4) +
    row("00000000000000000000000001000000:2329", "0A", 5) +
    row("0000000000000000FFFF00000100007F:232A", "0A", 6);
  assertEquals(parseListing(output).sockets, [
    { host: "0.0.0.0", port: 22, inode: "1" },
    { host: "127.0.0.1", port: 8080, inode: "2" },
    { host: "::", port: 9000, inode: "4" },
    { host: "::1", port: 9001, inode: "5" },
    { host: "::ffff:7f00:1", port: 9002, inode: "6" },
  ]);
});

Deno.test("where a socket is reached from the remote host itself", () => {
  const table = [["0.0.0.0", "127.0.0.1"], ["::", "localhost"], ["::ffff:7f00:1", "127.0.0.1"]];
  for (const [host = "", at] of [...table, ["10.0.0.5", "10.0.0.5"], ["::1", "::1"]]) {
    assertEquals(reachableAt(host), at);
  }
});

Deno.test("sockets of a container count only if all its processes could be seen", () => {
  const other = "d".repeat(64);
  const output = `${SSHD}container ${id}\n7\n8\ncontainer ${other}\n9\ndenied\n`;
  assertEquals([...parseListing(output).inodes], [[id, new Set(["7", "8"])]]);
});

Deno.test({
  name: "the command runs here and lists a listening socket",
  ignore: Deno.build.os !== "linux",
  async fn() {
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { stdout } = await new Deno.Command("sh", { args: ["-c", listingCommand([id])] })
      .output();
    const { sockets } = parseListing(new TextDecoder().decode(stdout));
    const found = sockets.filter(({ port }) => port === listener.addr.port);
    assertEquals(found.map(({ host }) => host), ["127.0.0.1"]);
  },
});

/** A remote host that lists what the test says; every step waits until the next look is over. */
function scene(first: string) {
  let output = first;
  let looked = () => {};
  const shell: Shell = {
    run: () => {
      const answer = { code: 0, stdout: output, stderr: "" };
      looked();
      return Promise.resolve(answer);
    },
    spawn: () => Promise.reject(new Error("not used")),
  };
  const forwards = new Map<string, number>();
  const ports = new HostPorts({
    findShell: () => Promise.resolve(shell),
    exclude: () => new Set([49153]),
    pausesMs: [0],
    forwarding: {
      addHostPort(forward: string, _container, remote: HostPort) {
        forwards.set(forward, remote.port);
        return Promise.resolve<Published | undefined>(undefined);
      },
      release(forward: string) {
        forwards.delete(forward);
        return Promise.resolve();
      },
    },
  });
  return {
    ports,
    open: () => [...forwards.values()],
    /** Two further looks: the first may have begun before. */
    async say(text: string) {
      output = text;
      for (let look = 0; look < 3; look++) await new Promise<void>((next) => looked = next);
    },
    [Symbol.asyncDispose]: () => ports.close(),
  };
}

Deno.test("a container whose processes can be seen: its sockets and no others", async () => {
  const socket = row("00000000:1F90", "0A", 7);
  await using host = scene(SSHD);
  host.ports.add(web);
  await host.say(`${SSHD}${socket}${row("00000000:1F91", "0A", 8)}container ${id}\n7\n`);
  assertEquals(host.open(), [8080]);
  await host.say(`${SSHD}container ${id}\n7\n`);
  assertEquals(host.open(), []);
});

Deno.test("otherwise what began to listen since its start, but not what is known", async () => {
  const denied = `container ${id}\ndenied\n`;
  await using host = scene(SSHD + denied);
  await host.ports.prepare(id);
  host.ports.add(web);
  const others = row("0100007F:C001", "0A", 9);
  await host.say(SSHD + row("00000000:1F90", "0A", 7) + others + denied);
  assertEquals(host.open(), [8080]);
  await host.ports.remove(id);
  assertEquals(host.open(), []);
});

Deno.test("found running, unseen: only the ports it is said to use", async () => {
  const denied = `container ${id}\ndenied\n`;
  await using host = scene(SSHD + row("00000000:1F90", "0A", 7) + denied);
  host.ports.add({ ...web, exposed: [8080] });
  await host.say(SSHD + row("00000000:1F90", "0A", 7) + denied);
  assertEquals(host.open(), [8080]);
});

Deno.test("restarted, by the user or by its policy: its port is still its own", async () => {
  const denied = `container ${id}\ndenied\n`;
  const running = SSHD + row("00000000:1F90", "0A", 7) + denied;
  await using host = scene(SSHD + denied);
  await host.ports.prepare(id);
  host.ports.add(web);
  await host.say(running);
  await host.ports.prepare(id);
  await host.ports.remove(id);
  host.ports.add(web);
  await host.say(running);
  assertEquals(host.open(), [8080]);
});
