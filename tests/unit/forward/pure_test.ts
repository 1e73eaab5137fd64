import { isWildcard, localAddress } from "../../../lib/forward/address.ts";
import {
  InvalidBindingError,
  parseHostPort,
  parsePortBindings,
  parsePortKey,
} from "../../../lib/forward/binding.ts";
import { BindError, bindReason } from "../../../lib/forward/bind_error.ts";
import { parsePlainForward } from "../../../lib/forward/plain.ts";
import { decide, type PortRule } from "../../../lib/forward/rules.ts";
import { AgentError } from "../../../lib/errors.ts";
import { assertEquals, assertThrows } from "../../support/assert.ts";

Deno.test("bindings are read as the engine reads them", () => {
  const value = {
    "80/tcp": [{ HostIp: "", HostPort: "8080" }, { HostIp: "::1", HostPort: "8000-8010" }],
    "53/UDP": [{ HostIp: "127.0.0.1", HostPort: "" }],
    "81": [{}],
    "9/sctp": null,
    "10/tcp": [],
  };
  assertEquals(parsePortBindings(value), [
    // JavaScript puts keys that are whole numbers first.
    { containerPort: 81, protocol: "tcp", hostIp: "", hostPort: "" },
    { containerPort: 80, protocol: "tcp", hostIp: "", hostPort: "8080" },
    { containerPort: 80, protocol: "tcp", hostIp: "::1", hostPort: "8000-8010" },
    { containerPort: 53, protocol: "udp", hostIp: "127.0.0.1", hostPort: "" },
  ]);
  assertEquals(parsePortBindings(null), []);
  assertEquals(parsePortBindings(undefined), []);
});

Deno.test("host ports: none, one, a range", () => {
  const table: [string, number, number][] = [
    ["", 0, 0],
    ["0", 0, 0],
    ["8080", 8080, 8080],
    ["8080/tcp", 8080, 8080],
    ["8000-8010", 8000, 8010],
    ["65535", 65535, 65535],
    ["0008080", 8080, 8080],
  ];
  for (const [text, first, last] of table) assertEquals(parseHostPort(text), { first, last }, text);
  for (const text of ["x", "-1", "65536", "8010-8000", "1-2-3", "80 ", "1e3", "-"]) {
    assertThrows(() => parseHostPort(text), InvalidBindingError, "invalid port specification");
  }
});

Deno.test("container ports that are none are refused in the engine's words", () => {
  for (const key of ["", "/tcp", "0/tcp", "80x", "65536/udp", "80-90/tcp"]) {
    assertThrows(() => parsePortKey(key), InvalidBindingError, "invalid port specification");
  }
  assertThrows(() => parsePortKey("80/quic"), InvalidBindingError, "invalid proto: quic");
});

Deno.test("the local address: closed by default, local addresses win, others fall back", () => {
  const mine = new Set(["127.0.0.1", "::1", "192.168.1.5"]);
  const isLocal = (address: string) => mine.has(address);
  const table: [hostIp: string, publish: string, host: string, noted: boolean][] = [
    ["", "127.0.0.1", "127.0.0.1", false],
    ["", "192.168.1.5", "192.168.1.5", false],
    ["", "0.0.0.0", "0.0.0.0", false],
    ["nonsense", "127.0.0.1", "127.0.0.1", false],
    ["127.0.0.1", "192.168.1.5", "127.0.0.1", false],
    ["::1", "127.0.0.1", "::1", false],
    ["[::1]", "127.0.0.1", "::1", false],
    ["192.168.1.5", "127.0.0.1", "192.168.1.5", false],
    ["203.0.113.9", "127.0.0.1", "127.0.0.1", true],
    ["0.0.0.0", "127.0.0.1", "127.0.0.1", true],
    ["0.0.0.0", "0.0.0.0", "0.0.0.0", false],
    ["::", "127.0.0.1", "::1", true],
    ["::", "192.168.1.5", "192.168.1.5", true],
    ["::", "0.0.0.0", "::", false],
  ];
  for (const [hostIp, publishAddress, host, noted] of table) {
    const found = localAddress(hostIp, { publishAddress, isLocal });
    assertEquals(found.host, host, `${hostIp} with ${publishAddress}`);
    assertEquals(found.note !== undefined, noted, `${hostIp} with ${publishAddress}`);
    const isUnnamed = publishAddress === "127.0.0.1" && ["", "nonsense"].includes(hostIp);
    assertEquals(found.twin, isUnnamed ? "::1" : undefined, `${hostIp} with ${publishAddress}`);
  }
  const noIpv6 = { publishAddress: "127.0.0.1", isLocal: () => false };
  assertEquals(localAddress("", noIpv6), { host: "127.0.0.1" });
});

Deno.test("all interfaces, however they are written", () => {
  for (const text of ["0.0.0.0", "::", "0:0:0:0:0:0:0:0"]) {
    assertEquals(isWildcard(text), true, text);
  }
  for (const text of ["", "127.0.0.1", "::1", "0", "::2"]) {
    assertEquals(isWildcard(text), false, text);
  }
});

Deno.test("the first rule that matches decides", () => {
  const rules: PortRule[] = [
    { match: { container: "db-?", port: { first: 5000, last: 5999 } }, action: { ignore: true } },
    { match: { image: "docker.io/*/web:1.*" }, action: { localPort: 8080 } },
    { match: { label: "team=blue*" }, action: { address: "::1" } },
    { match: { label: "private" }, action: { ignore: true } },
    { match: { protocol: "udp" }, action: { localPort: 53 } },
  ];
  const subject = {
    container: "app",
    image: "bb",
    labels: {},
    containerPort: 80,
    protocol: "tcp",
  } as const;
  assertEquals(decide(rules, subject), {});
  assertEquals(decide(rules, { ...subject, container: "db-1", containerPort: 5432 }), {
    ignore: true,
  });
  assertEquals(decide(rules, { ...subject, container: "db-12", containerPort: 5432 }), {});
  assertEquals(decide(rules, { ...subject, image: "docker.io/a/b/web:1.2" }), { localPort: 8080 });
  assertEquals(decide(rules, { ...subject, image: "docker.io/a/web:1x2" }), {});
  assertEquals(decide(rules, { ...subject, labels: { team: "blue-2" } }), { address: "::1" });
  assertEquals(decide(rules, { ...subject, labels: { team: "red" } }), {});
  assertEquals(decide(rules, { ...subject, labels: { private: "" } }), { ignore: true });
  assertEquals(decide(rules, { ...subject, protocol: "udp" }), { localPort: 53 });
});

Deno.test("refusals in the words of dockerd 20.10", () => {
  const four = { protocol: "tcp", host: "127.0.0.1", port: 80 } as const;
  const six = { protocol: "tcp", host: "::1", port: 8080 } as const;
  const noAddress = Object.assign(new Error("listen EINVAL"), { code: "EINVAL" });
  const table: [BindError, string][] = [
    [new BindError("allocated", four), "Bind for 127.0.0.1:80 failed: port is already allocated"],
    [new BindError("allocated", six), "Bind for ::1:8080 failed: port is already allocated"],
    [new BindError("exhausted", four), "all ports are allocated"],
    [
      new BindError("in-use", six),
      "Error starting userland proxy: listen tcp6 [::1]:8080: bind: address already in use",
    ],
    [
      new BindError("permission", { ...four, protocol: "udp" }),
      "Error starting userland proxy: listen udp4 127.0.0.1:80: bind: permission denied",
    ],
    [
      new BindError("unavailable", four, noAddress),
      "Error starting userland proxy: listen tcp4 127.0.0.1:80: bind: cannot assign requested address",
    ],
  ];
  for (const [error, text] of table) assertEquals(error.engineText(), text);
});

Deno.test("who asked for a port here is told in plain words why it cannot be had", () => {
  const subject = { protocol: "tcp", host: "127.0.0.1", port: 80 } as const;
  const errnoError = (code: string) => Object.assign(new Error(code), { code });
  assertEquals(
    [
      new BindError("allocated", subject),
      new BindError("exhausted", subject),
      new BindError("in-use", subject),
      new BindError("permission", subject),
      new BindError("unavailable", subject, errnoError("EADDRNOTAVAIL")),
    ].map(({ plainText }) => plainText),
    [
      "another forward of this program has the port",
      "all ports of the range are taken",
      "address already in use",
      "permission denied",
      "cannot assign requested address",
    ],
  );
});

Deno.test("what the system reports is told apart", () => {
  const failed = (code: string) => Object.assign(new Error(code), { code });
  assertEquals(
    ["EADDRINUSE", "EACCES", "EPERM", "EADDRNOTAVAIL"].map((c) => bindReason(failed(c))),
    [
      "in-use",
      "permission",
      "permission",
      "unavailable",
    ],
  );
});

Deno.test("forwards as the user writes them", () => {
  const table: [text: string, local: string, remote: string][] = [
    ["5432:db.internal:5432", "127.0.0.1 5432", "tcp db.internal 5432"],
    ["0:127.0.0.1:80", "127.0.0.1 0", "tcp 127.0.0.1 80"],
    ["localhost:80:web:8080", "127.0.0.1 80", "tcp web 8080"],
    ["0.0.0.0:80:web:8080", "0.0.0.0 80", "tcp web 8080"],
    ["[::1]:80:[fe80::1]:8080", "::1 80", "tcp fe80::1 8080"],
    ["5353:10.0.0.2:53/udp", "127.0.0.1 5353", "udp 10.0.0.2 53"],
  ];
  for (const [text, local, far] of table) {
    const { requested, remote } = parsePlainForward(text);
    assertEquals(`${requested.hostIp} ${requested.hostPort}`, local, text);
    assertEquals(`${requested.protocol} ${remote.host} ${remote.port}`, far, text);
  }
  const bad = [
    "",
    "80",
    "80:web",
    "80:web:0",
    "80:web:65536",
    "x:web:80",
    "a:80:web:80",
    "::1:1:h:1",
  ];
  for (const text of [...bad, "80::80", "80:web:80/sctp", "80:we b:80", "1:2:3:4:5"]) {
    assertThrows(() => parsePlainForward(text), AgentError, "not a valid forward");
  }
});
