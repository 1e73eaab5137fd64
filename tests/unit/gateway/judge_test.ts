import { Host } from "../../../lib/gateway/host.ts";
import { isWelcome, judge, type Petition, type Policy } from "../../../lib/gateway/judge.ts";
import {
  type AccessPreset,
  allowedRoute,
  type ClientRule,
  namePattern,
} from "../../../lib/gateway/rights.ts";
import type { GuestRight } from "../../../lib/gateway/target.ts";
import { type HeaderField, HeaderList } from "../../../lib/http/head.ts";
import { logger } from "../../../lib/log.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { clientWith } from "./support.ts";

const EXPIRY = 1_000;
const ENGINE = { kind: "unix", path: "/run/engine.sock" } as const;
const GUEST = { kind: "unix", path: "/run/guest.sock" } as const;

function rule(
  name: string,
  hosts: string,
  access: AccessPreset,
  guest: readonly GuestRight[] = [],
): ClientRule {
  const allow = ["GET /grpc", "POST /grpc"].map(allowedRoute).filter((each) => each !== undefined);
  const nothing = { uris: [], fingerprints: [], allow: access === "none" ? allow : [] };
  const who = { names: [namePattern(name)], hosts: [namePattern(hosts)] };
  return { ...nothing, ...who, access, guest: new Set(guest) };
}

/** `gpu` has an engine and a guest, `bare` an engine alone, `hollow` a guest alone. */
async function withPolicy(body: (policy: Policy) => void): Promise<void> {
  const log = logger("test");
  const hosts = new Map([
    ["gpu.example", await Host.make("gpu.example", { engine: ENGINE, guest: GUEST }, log)],
    ["bare.example", await Host.make("bare.example", { engine: ENGINE }, log)],
    ["hollow.example", await Host.make("hollow.example", { guest: GUEST }, log)],
  ]);
  const rules = [
    rule("alice", "*.example", "full", ["exec"]),
    rule("bob", "bare.example", "read-only"),
    rule("carol", "gpu.example", "none"),
  ];
  body({ rules, hosts });
  await Promise.all([...hosts.values()].map((host) => host.close()));
}

interface Asked {
  readonly line?: string;
  readonly who?: string;
  /** SNI; `Host` is the same unless `fields` say otherwise. */
  readonly name?: string | undefined;
  readonly fields?: readonly HeaderField[];
  readonly now?: number;
}

function petition(asked: Asked): Petition {
  const { line = "GET /version", who = "alice", now = EXPIRY } = asked;
  const serverName = "name" in asked ? asked.name : "gpu.example";
  const [method = "", target = ""] = line.split(" ");
  const host: HeaderField[] = serverName === undefined ? [] : [["Host", serverName]];
  const headers = new HeaderList(asked.fields ?? host);
  const client = clientWith({ commonName: who, notAfter: EXPIRY });
  return { client, serverName, head: { method, target, headers }, now };
}

/** The verdict in a few words: where it passes to, or status and kind of the refusal. */
function verdictOn(asked: Asked, policy: Policy): string {
  const verdict = judge(petition(asked), policy);
  if (verdict.kind === "refuse") return `${verdict.status} ${verdict.what}`;
  const host = policy.hosts.get(petition(asked).serverName ?? "");
  assert(verdict.upstreams === host?.[verdict.to]);
  return verdict.to;
}

const upgrade = (protocol: string): HeaderField[] => [
  ["Host", "gpu.example"],
  ["Upgrade", protocol],
];

const VERDICTS: readonly [asked: Asked, verdict: string][] = [
  [{}, "engine"],
  [{ line: "GET /v1.45/containers/json" }, "engine"],
  [{ line: "POST /tinyscale/v1/host-exec/command" }, "guest"],
  [{ name: "bare.example" }, "engine"],
  // What no program could read in two ways is judged first, whoever asks.
  [{ line: "CONNECT gpu.example:443" }, "400 target"],
  [{ line: "CONNECT /version" }, "400 target"],
  [{ line: "GET /v1.45/../tinyscale/v1/info" }, "400 target"],
  [{ line: "GET http://gpu.example/version" }, "400 target"],
  [{ line: "GET //version", who: "mallory", name: undefined }, "400 target"],
  // The name of the handshake is the only one that counts.
  [{ name: undefined, fields: [["Host", "gpu.example"]] }, "421 name"],
  [{ name: undefined }, "421 name"],
  [{ fields: [] }, "421 name"],
  [{ fields: [["Host", ""]] }, "421 name"],
  [{ fields: [["Host", "bare.example"]] }, "421 name"],
  [{ fields: [["Host", "gpu.example.evil"]] }, "421 name"],
  [{ fields: [["Host", "gpu.example:443x"]] }, "421 name"],
  [{ fields: [["Host", "gpu.example:123456"]] }, "421 name"],
  [{ fields: [["Host", "gpu.example.."]] }, "421 name"],
  [{ fields: [["Host", "GPU.Example"]] }, "engine"],
  [{ fields: [["Host", "gpu.example."]] }, "engine"],
  [{ fields: [["Host", "gpu.example:8443"]] }, "engine"],
  [{ fields: [["Host", "gpu.example.:12345"]] }, "engine"],
  // A certificate is good up to its last moment.
  [{ now: EXPIRY + 1 }, "403 expired"],
  // Who may use nothing there learns nothing of what is there.
  [{ who: "mallory" }, "403 host"],
  [{ who: "bob" }, "403 host"],
  [{ who: "bob", line: "GET /tinyscale/v1/nothing" }, "403 host"],
  [{ name: "none.example" }, "403 host"],
  // Rights.
  [{ who: "bob", name: "bare.example", line: "GET /containers/json" }, "engine"],
  [{ who: "bob", name: "bare.example", line: "POST /containers/create" }, "403 route"],
  [{ who: "bob", name: "bare.example", line: "GET /tinyscale/v1/info" }, "403 route"],
  [{ who: "carol" }, "403 route"],
  [{ line: "GET /tinyscale/v1/info" }, "guest"],
  [{ line: "POST /tinyscale/v1/host-exec/copy?path=/x" }, "403 route"],
  [{ line: "GET /tinyscale/v1/tunnel/tcp:db:80" }, "403 route"],
  // What is not there.
  [{ line: "GET /tinyscale/v1/nothing" }, "404 missing"],
  [{ name: "bare.example", line: "GET /tinyscale/v1/info" }, "404 missing"],
  [{ name: "hollow.example" }, "404 missing"],
  // An engine's routes lead to the protocols that they have; a guest judges its own.
  [{ line: "POST /grpc", who: "carol", fields: upgrade("h2c") }, "engine"],
  [{ line: "GET /grpc", who: "carol", fields: upgrade("h2c") }, "400 upgrade"],
  [{ line: "POST /grpc", who: "carol", fields: upgrade("tcp") }, "400 upgrade"],
  [
    { line: "POST /grpc", who: "carol", fields: [...upgrade("h2c"), ["upgrade", "tcp"]] },
    "400 upgrade",
  ],
  [{ line: "GET /version", fields: upgrade("h2c") }, "engine"],
  [{ line: "POST /tinyscale/v1/host-exec/command", fields: upgrade("tcp") }, "guest"],
];

Deno.test("a request is judged by its target, its names, its client and the rules, in this order", async () => {
  await withPolicy((policy) => {
    for (const [asked, verdict] of VERDICTS) {
      assertEquals(verdictOn(asked, policy), verdict, JSON.stringify(asked));
    }
  });
});

Deno.test("a client is told no more than it knows, and the log the whole reason", async () => {
  await withPolicy((policy) => {
    const refusalOf = (asked: Asked) => {
      const verdict = judge(petition(asked), policy);
      return verdict.kind === "refuse" ? [verdict.message, verdict.reason] : [];
    };
    const words = (host: string) => `The client certificate may not use "${host}"`;
    assertEquals(refusalOf({ who: "mallory" }), [
      words("gpu.example"),
      "no rule lets this client use this host",
    ]);
    assertEquals(refusalOf({ name: "none.example" }), [
      words("none.example"),
      "there is no such host",
    ]);
    const names = refusalOf({ fields: [["Host", "x".repeat(200)]] });
    assertEquals(names, [
      "Host is not the name of the TLS handshake (SNI)",
      `Host is "${"x".repeat(100)}"`,
    ]);
    assertEquals(refusalOf({ fields: [] })[1], 'Host is ""');
    const path = `/containers/${"y".repeat(300)}`;
    assertEquals(
      refusalOf({ who: "carol", line: `GET ${path}?key=secret` })[1],
      [
        "The client certificate does not allow GET",
        path.slice(0, 200),
      ].join(" "),
    );
    assertEquals(refusalOf({ line: "GET /a\\b" })[0], "The path has a backslash");
    assertEquals(refusalOf({ name: "hollow.example" })[0], "This host has no engine");
  });
});

Deno.test("an open connection lives as long as its client may use its host", async () => {
  await withPolicy((policy) => {
    const cases: [asked: Asked, welcome: boolean][] = [
      [{}, true],
      [{ who: "carol" }, true],
      [{ now: EXPIRY + 1 }, false],
      [{ who: "mallory" }, false],
      [{ who: "bob" }, false],
      [{ name: undefined }, false],
      [{ name: "none.example" }, false],
    ];
    for (const [asked, welcome] of cases) {
      assertEquals(isWelcome(petition(asked), policy), welcome, JSON.stringify(asked));
    }
  });
});
