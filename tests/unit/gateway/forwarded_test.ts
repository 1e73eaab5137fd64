import { forwarded } from "../../../lib/gateway/forwarded.ts";
import { type Upstreams } from "../../../lib/gateway/host.ts";
import { encodeRequestHead, type HeaderField, HeaderList } from "../../../lib/http/head.ts";
import { bodyOf, type RequestMessage } from "../../../lib/http/message.ts";
import { UpstreamPool } from "../../../lib/proxy/upstream_pool.ts";
import { assert, assertEquals } from "../../support/assert.ts";
import { clientWith } from "./support.ts";

const ALICE = clientWith({
  commonName: "alice é",
  uris: ["spiffe://a/b", "spiffe://c/d e"],
  fingerprint: "ab".repeat(32),
});
/** Refuses what it is asked for, which is nothing. */
const POOL = new UpstreamPool({
  warm: 0,
  keep: 0,
  open: () => Promise.reject(new Error("unused")),
});

function request(fields: readonly HeaderField[]): RequestMessage {
  const headers = new HeaderList(fields);
  const head = { method: "POST", target: "/v1.45/x?y", version: "1.1", headers } as const;
  return {
    head: { ...head, raw: encodeRequestHead(head) },
    framing: { kind: "length", length: 1 },
    body: bodyOf(new Uint8Array(1)),
  };
}

/** The fields that arrive behind the gateway. */
function fieldsBehind(
  kind: "engine" | "guest",
  fields: readonly HeaderField[],
  { client = ALICE, ...more }: Partial<Upstreams> & { client?: typeof ALICE } = {},
): HeaderField[] {
  const upstreams = { pool: POOL, host: "localhost", ...more };
  const sent = request(fields);
  const passed = forwarded(sent, client, { kind, upstreams });
  assert(passed.body === sent.body && passed.framing === sent.framing);
  const head = { ...passed.head, headers: new HeaderList(passed.head.headers) };
  // What is sent is what these fields say, and not what the client has written.
  assertEquals(passed.head.raw, encodeRequestHead(head));
  return [...head.headers];
}

Deno.test("an engine learns nothing of the client, and is asked by its own name", () => {
  const fields: HeaderField[] = [["X-A", "1"], ["host", "gpu.example"], ["Content-Length", "1"]];
  assertEquals(fieldsBehind("engine", fields), [
    ["X-A", "1"],
    ["host", "localhost"],
    ["Content-Length", "1"],
  ]);
});

Deno.test("a guest is told who asks, by the gateway alone, and given its token", () => {
  const forged: HeaderField[] = [
    ["Host", "gpu.example"],
    ["X-Client-Certificate-Name", "root"],
    ["x-client-certificate-uri", "spiffe://root"],
    ["X_Client_Certificate_Name", "root"],
    ["x-client_CERTIFICATE-anything", "root"],
    ["Authorization", "Bearer guessed"],
    ["X-Client", "kept"],
  ];
  const certificate: HeaderField[] = [
    ["X-Client-Certificate-Name", "alice%20%C3%A9"],
    ["X-Client-Certificate-Uri", "spiffe://a/b%20spiffe://c/d%20e"],
    ["X-Client-Certificate-Fingerprint", "ab".repeat(32)],
  ];
  assertEquals(fieldsBehind("guest", forged, { token: "secret", host: "guest:8080" }), [
    ["Host", "guest:8080"],
    ["Authorization", "Bearer secret"],
    ["X-Client", "kept"],
    ...certificate,
  ]);
  assertEquals(fieldsBehind("engine", forged), [
    ["Host", "localhost"],
    ["Authorization", "Bearer guessed"],
    ["X-Client", "kept"],
  ]);
  const nameless = clientWith({ fingerprint: "cd".repeat(32) });
  const workload = clientWith({ uris: ["spiffe://a/b"], fingerprint: "ef".repeat(32) });
  assertEquals(fieldsBehind("guest", [], { client: workload }), [
    ["Host", "localhost"],
    ["X-Client-Certificate-Uri", "spiffe://a/b"],
    ["X-Client-Certificate-Fingerprint", "ef".repeat(32)],
  ]);
  assertEquals(fieldsBehind("guest", [], { client: nameless }), [
    ["Host", "localhost"],
    ["X-Client-Certificate-Fingerprint", "cd".repeat(32)],
  ]);
});

Deno.test("what is between the client and the gateway goes no further", () => {
  const cases: [sent: HeaderField[], arrives: HeaderField[]][] = [
    [
      [["Keep-Alive", "1"], ["Proxy-Connection", "x"], ["Proxy-Authorization", "x"], ["TE", "x"]],
      [],
    ],
    [[["Connection", "X-Hop, close"], ["X-Hop", "1"], ["X-Kept", "1"]], [
      ["Connection", "close"],
      ["X-Kept", "1"],
    ]],
    [[["Connection", "x-hop"], ["X-Hop", "1"], ["X-Hop", "2"]], []],
    [[["Connection", "Upgrade"], ["Upgrade", "tcp"]], [["Connection", "Upgrade"], [
      "Upgrade",
      "tcp",
    ]]],
    [[["Connection", "Keep-Alive"], ["Connection", "Upgrade, x"]], [
      ["Connection", "Keep-Alive, Upgrade"],
    ]],
    [[["Connection", ""]], [["Connection", ""]]],
  ];
  for (const [sent, arrives] of cases) {
    assertEquals(fieldsBehind("engine", [["Host", "x"], ...sent]), [
      ["Host", "localhost"],
      ...arrives,
    ]);
  }
});

Deno.test("no field that says where a message ends or goes can be talked away", () => {
  const kept: HeaderField[] = [
    ["Host", "localhost"],
    ["Content-Length", "1"],
    ["Transfer-Encoding", "chunked"],
    ["Upgrade", "tcp"],
  ];
  const words = "Host, content-length, Transfer-Encoding, connection, upgrade";
  assertEquals(fieldsBehind("engine", [["Connection", words], ...kept]), [
    ["Connection", "upgrade"],
    ...kept,
  ]);
});
